import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { copyFile, mkdtemp, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { journalStorage } from '../../examples/custom-storage/index.ts'
import { type Change, decode, Journal } from '../../examples/custom-storage/store/journal.ts'
import { addEndpoint, deliveriesOf, NOW, offer, send } from '../../src/testing/storage-suite/fixtures.ts'
import { storageSuite } from '../../src/testing/storage-suite.ts'

const CHILD = fileURLToPath(new URL('./custom-storage-child.ts', import.meta.url))

let folder: string
let files = 0
const freshPath = () => join(folder, `${++files}.journal`)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hookferry-'))
})
afterAll(() => rm(folder, { recursive: true }))

const suite = storageSuite({
  create: () => {
    const path = freshPath()
    return { connect: () => journalStorage({ path }) }
  },
  supports: journalStorage({ path: 'webhooks.journal' }).supports,
})

describe('the worked example of a storage keeps the storage contract', () => {
  for (const { name, run } of suite) it(name, run)
})

/** A journal of an endpoint and two events, and how long it was before the second. */
async function twoEvents(): Promise<{ path: string; before: number; after: number }> {
  const path = freshPath()
  const storage = journalStorage({ path })
  await storage.open({ now: NOW })
  for (const id of ['ep_a', 'ep_b']) await addEndpoint(storage, id)
  await send(storage, { id: 'evt_first', to: ['ep_a', 'ep_b'] })
  const before = (await stat(path)).size
  await send(storage, { id: 'evt_last', key: 'k', to: ['ep_a', 'ep_b'] })
  await storage.close()
  return { path, before, after: (await stat(path)).size }
}

describe('a batch is kept as a whole or not at all', () => {
  it('wherever the file ends', async () => {
    const { path, before, after } = await twoEvents()
    const bytes = await readFile(path)
    const whole = decode(bytes)
    expect(whole.lostBytes).toBe(0)
    for (let end = before; end < after; end++) {
      const { batches, lostBytes } = decode(bytes.subarray(0, end))
      expect({ batches: batches.length, lostBytes }).toEqual({
        batches: whole.batches.length - 1,
        lostBytes: end - before,
      })
    }
  })

  it('whichever byte is wrong', async () => {
    const { path, before, after } = await twoEvents()
    const bytes = await readFile(path)
    const { batches } = decode(bytes)
    for (let at = before; at < after; at++) {
      bytes[at] = (bytes[at] ?? 0) ^ 0x10
      expect(decode(bytes).batches).toHaveLength(batches.length - 1)
      bytes[at] = (bytes[at] ?? 0) ^ 0x10
    }
  })

  it('the storage goes on from there, and says what it cut off', async () => {
    const { path, before, after } = await twoEvents()
    for (const end of [before, before + 1, before + 8, after - 1, after]) {
      const copy = freshPath()
      await copyFile(path, copy)
      await truncate(copy, end)
      const storage = journalStorage({ path: copy })
      const warnings: string[] = []
      await storage.open({ now: NOW, warn: (warning) => warnings.push(warning) })
      const kept = end === after
      expect(warnings).toHaveLength(end === before || kept ? 0 : 1)
      expect(await deliveriesOf(storage, 'evt_first')).toHaveLength(2)
      expect(await deliveriesOf(storage, 'evt_last')).toHaveLength(kept ? 2 : 0)
      const again = await offer(storage, { id: 'evt_again', key: 'k' })
      expect(again.status).toBe(kept ? 'duplicate' : 'inserted')
      await storage.close()
    }
  })

  it('when the process is killed: what was acknowledged is there, and nothing is there by half', {
    timeout: 60_000,
  }, async () => {
    const path = freshPath()
    const acknowledged = new Set<string>()
    for (const run of ['1', '2', '3']) {
      const child = fork(CHILD, [path, run], { execArgv: ['--import', 'tsx'] })
      const exited = once(child, 'exit')
      child.on('message', (id: string) => acknowledged.add(id))
      await once(child, 'message')
      await sleep(100 + 37 * Number(run))
      child.kill('SIGKILL')
      await exited
    }
    const storage = journalStorage({ path })
    await storage.open({ now: NOW })
    const { items } = await storage.listEvents({
      ...{ tenant: null, type: null, since: null, until: null },
      ...{ limit: 100_000, examine: 100_000, after: null },
    })
    const kept = new Set(items.map(({ id }) => id))
    expect([...acknowledged].filter((id) => !kept.has(id))).toEqual([])
    expect(acknowledged.size).toBeGreaterThanOrEqual(3)
    for (const id of kept) expect(await deliveriesOf(storage, id)).toHaveLength(2)
    await storage.close()
  })
})

describe('a disk that fails', () => {
  const batch = (name: string): Change[] => [[name, 'x'.repeat(100)]]

  it('refuses what waits, takes it back in reverse, and goes on where it was', async () => {
    const path = freshPath()
    const file = await open(path, 'w+')
    let full = false
    const failing = new Proxy(file, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name, target)
        if (typeof member !== 'function') return member
        if (name !== 'write' || !full) return member.bind(target)
        return async (bytes: Buffer, from: number, _length: number, at: number) => {
          await target.write(bytes, from, 20, at)
          throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
        }
      },
    })
    const journal = new Journal(failing, { bytes: 0, checksum: 0 })
    const undone: string[] = []
    const append = (name: string) => journal.append(batch(name), () => undone.push(name))
    await append('a')
    full = true
    const outcomes = await Promise.allSettled([append('b'), append('c'), journal.append([], () => {})])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(undone).toEqual(['c', 'b'])
    full = false
    await append('d')
    await journal.close()
    expect(decode(await readFile(path))).toEqual({ batches: [batch('a'), batch('d')], lostBytes: 0 })
  })

  it('is told in words of the contract', async () => {
    const storage = journalStorage({ path: join(folder, 'missing', 'webhooks.journal') })
    await expect(storage.open({ now: NOW })).rejects.toMatchObject({ code: 'storage_unavailable', retryable: false })
    await expect(storage.nextDueAt()).rejects.toMatchObject({ code: 'storage_unavailable' })
  })
})

describe('one process at a time', () => {
  it('the second is refused until the first has closed', async () => {
    const path = freshPath()
    const [first, second] = [journalStorage({ path }), journalStorage({ path })]
    await first.open({ now: NOW })
    await expect(second.open({ now: NOW })).rejects.toMatchObject({ code: 'storage_busy', retryable: true })
    expect(existsSync(`${path}.lock`)).toBe(true)
    await first.close()
    await second.open({ now: NOW })
    await second.close()
    expect(existsSync(`${path}.lock`)).toBe(false)
  })

  it('what a process that is no more left behind is no hindrance, what cannot be read is', async () => {
    const path = freshPath()
    const child = fork(CHILD, [freshPath(), '1'], { execArgv: ['--import', 'tsx'] })
    child.kill('SIGKILL')
    await once(child, 'exit')
    await writeFile(`${path}.lock`, `${child.pid}\n`)
    const storage = journalStorage({ path })
    await storage.open({ now: NOW })
    await storage.close()
    await writeFile(`${path}.lock`, '')
    await expect(storage.open({ now: NOW })).rejects.toMatchObject({ code: 'storage_busy' })
  })
})
