import { mkdirSync, mkdtempSync, renameSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import Database from 'better-sqlite3'
import { afterAll, expect, it, vi } from 'vitest'
import { ArgumentError, WebhookError } from '../../../src/errors.ts'
import { sqlite } from '../../../src/storage/sqlite/index.ts'
import { packed, plainError, thrownError, unpacked } from '../../../src/storage/sqlite/thread-messages.ts'

const workers = vi.hoisted(() => [] as Worker[])

vi.mock('node:worker_threads', async (original) => {
  const threads = await original<typeof import('node:worker_threads')>()
  class Seen extends threads.Worker {
    constructor(...args: ConstructorParameters<typeof threads.Worker>) {
      super(...args)
      workers.push(this)
    }
  }
  return { ...threads, Worker: Seen }
})

const NOW = 1_700_000_000_000
const LOST = { code: 'storage_unavailable', retryable: true }
const folder = mkdtempSync(join(tmpdir(), 'hookferry-thread-'))
let files = 0
const opened = async () => {
  const storage = sqlite({ path: join(folder, `${files++}.db`), thread: true })
  await storage.open({ now: NOW })
  return storage
}
const kill = () => workers.at(-1)?.terminate()

afterAll(() => rmSync(folder, { recursive: true }))

it('a thread that dies fails what is under way as doubtful and retryable, and the next call has another', async () => {
  const storage = await opened()
  const before = workers.length
  // In this order none of the three can be answered before the thread's end, which is told later.
  const killed = kill()
  const underWay = Promise.allSettled([1, 2, 3].map(() => storage.nextDueAt()))
  await Promise.all([killed, underWay])
  for (const call of await underWay) expect(call).toMatchObject({ status: 'rejected', reason: LOST })
  const both = await Promise.all([storage.nextDueAt(), storage.nextDueAt()])
  expect(both).toEqual([null, null])
  expect(workers).toHaveLength(before + 1)
  await storage.close()
})

it('a storage that was open comes back by itself when another thread can be had again', async () => {
  const storage = await opened()
  const path = join(folder, `${files - 1}.db`)
  await kill()
  renameSync(path, `${path}.away`)
  mkdirSync(path)
  await expect(storage.nextDueAt()).rejects.toMatchObject({ code: 'storage_unavailable' })
  rmdirSync(path)
  renameSync(`${path}.away`, path)
  expect(await storage.nextDueAt()).toBeNull()
  await storage.close()
})

it('hints come from the next thread, too', async () => {
  const storage = await opened()
  const heard = vi.fn()
  storage.onWork?.(heard)
  await kill()
  await storage.nextDueAt()
  const other = new Database(join(folder, `${files - 1}.db`))
  other.exec('CREATE TABLE other (x)')
  other.close()
  await vi.waitFor(() => expect(heard).toHaveBeenCalled(), { timeout: 2_000 })
  await storage.close()
})

it('closing waits for what is under way, and leaves no thread', async () => {
  const storage = await opened()
  const call = storage.nextDueAt()
  await storage.close()
  expect(await call).toBeNull()
  expect(workers.at(-1)?.threadId).toBe(-1)
  await expect(storage.nextDueAt()).rejects.toMatchObject({ code: 'storage_unavailable', retryable: false })
})

it('a failure to open tells its own reason, and can be repeated', async () => {
  const storage = sqlite({ path: join(folder, 'missing', 'x.db'), thread: true })
  for (let time = 0; time < 2; time++) {
    await expect(storage.open({ now: NOW })).rejects.toMatchObject({
      name: 'WebhookError',
      code: 'storage_unavailable',
      retryable: false,
      message: expect.stringContaining('folder is missing'),
      cause: expect.objectContaining({ name: 'TypeError' }),
    })
  }
  expect(workers.at(-1)?.threadId).toBe(-1)
})

it('an idle thread keeps no process alive', async () => {
  const storage = await opened()
  await storage.nextDueAt()
  await sleep(0)
  expect(process.getActiveResourcesInfo()).not.toContain('MessagePort')
  await storage.close()
})

it('refuses a thread for what is in memory, and what is neither true nor false', () => {
  expect(() => sqlite({ path: ':memory:', thread: true })).toThrow(expect.objectContaining({ path: 'sqlite.thread' }))
  expect(() => sqlite({ path: 'a.db', thread: 1 as never })).toThrow(expect.objectContaining({ code: 'argument_type' }))
})

it('an error keeps what it tells', () => {
  const pass = (error: unknown) => {
    const answer = unpacked<{ id: number; error: ReturnType<typeof plainError> }>(
      packed({ id: 1, error: plainError(error) }),
    )
    return thrownError(answer.error)
  }
  const cause = Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR' })
  const webhook = pass(new WebhookError('storage_busy', 'wait', { cause, retryable: true }))
  expect(webhook).toBeInstanceOf(WebhookError)
  expect(webhook).toMatchObject({ code: 'storage_busy', message: 'wait', retryable: true })
  expect(webhook.cause).toMatchObject({ code: 'SQLITE_IOERR', message: 'disk I/O error' })
  const argument = pass(new ArgumentError('argument_range', 'send.data', 'too large'))
  expect(argument).toBeInstanceOf(ArgumentError)
  expect(argument).toMatchObject({ path: 'send.data', message: 'send.data: too large' })
  expect(pass(cause)).toMatchObject({ code: 'SQLITE_IOERR', stack: cause.stack })
})

it('of a part of a large buffer its own bytes pass, and it stays usable', () => {
  const large = new Uint8Array(1_000_000).fill(7)
  const part = large.subarray(10, 20)
  const bytes = packed({ id: 1, name: 'settle', input: part })
  expect(bytes.byteLength).toBeLessThan(200)
  expect(part.byteLength).toBe(10)
  expect(unpacked<{ id: number; name: 'settle'; input: Uint8Array }>(bytes).input).toEqual(part)
})
