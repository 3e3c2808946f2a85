import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { stallOf } from '../support/loop-stall.ts'
import { ENDPOINT, event, failureOf, handles, make, place, raw, second, stored, works } from './storage-faults-rig.ts'

/**
 * A database file that is locked, read-only, corrupt, too new, not to be reached, or on a full disk: a typed error or a bounded
 * retry, never a false acknowledgement, never an end of the host; and all is well again once the cause is gone.
 */

describe('a locked file', () => {
  it('ends accepts in busy within their time, without holding up the host, and accepts again afterwards', async () => {
    const made = make()
    const { id: kept } = await made.sender.send(event)
    const lock = second()
    lock.exec('BEGIN IMMEDIATE')
    const refused = async () => {
      const began = performance.now()
      const failures = await Promise.all(Array.from({ length: 20 }, () => failureOf(made.sender.send(event))))
      const took = performance.now() - began
      for (const failure of failures) expect(failure).toMatchObject({ code: 'busy', retryable: true })
      // After the 400 ms of this sender, not the 10 s that a sender waits by default.
      expect(took).toBeGreaterThan(350)
      expect(took).toBeLessThan(5_000)
    }
    expect(await stallOf(100, refused)).toBeLessThan(100)
    // Reading goes on all the while.
    expect(await stored(made.sender)).toEqual([kept])
    lock.exec('ROLLBACK')
    await works(made)
    await sleep(300)
    expect(await stored(made.sender)).toHaveLength(2)
  })

  it.each(['new', 'known'])(
    'when it is opened, a %s one, is a busy storage, and opens once it is free',
    async (kind) => {
      if (kind === 'known') {
        const before = make()
        await before.sender.send(event)
        await before.sender.stop()
      }
      const lock = second()
      lock.pragma('locking_mode = EXCLUSIVE')
      lock.exec('BEGIN EXCLUSIVE')
      const made = make()
      const failure = await failureOf(made.sender.send(event))
      expect(failure).toMatchObject({ code: 'storage_busy', retryable: true })
      lock.exec('ROLLBACK')
      lock.close()
      raw.length = 0
      await works(made)
      expect(await stored(made.sender)).toHaveLength(kind === 'known' ? 2 : 1)
    },
  )

  it('in the middle of an attempt delays its settlement, and brings no second request', async () => {
    const made = make()
    await made.sender.endpoints.create(ENDPOINT)
    await made.sender.start()
    const lock = second()
    made.transport.reply(() => {
      lock.exec('BEGIN IMMEDIATE')
      return 200
    })
    await made.sender.send(event)
    await sleep(700)
    expect(made.transport.requests).toHaveLength(1)
    lock.exec('ROLLBACK')
    await expect.poll(async () => (await made.sender.deliveries.list()).items[0]?.state).toBe('delivered')
    expect(made.transport.requests).toHaveLength(1)
    expect((await made.sender.deliveries.list()).items).toMatchObject([{ attemptCount: 1 }])
  })
})

describe('a file that may not be written', () => {
  const isRoot = process.getuid?.() === 0

  /** Root may write everything: so act as somebody else meanwhile. */
  async function asNobody<T>(work: () => Promise<T>): Promise<T> {
    if (!isRoot) return work()
    process.seteuid?.(65_534)
    try {
      return await work()
    } finally {
      process.seteuid?.(0)
    }
  }

  it('is refused as such when it is opened, and opens once it may be', async () => {
    const before = make()
    await before.sender.send(event)
    await before.sender.stop()
    chmodSync(place.folder, 0o555)
    chmodSync(place.path, 0o444)
    const made = make()
    const failure = await asNobody(() => failureOf(made.sender.send(event)))
    expect(failure).toMatchObject({ code: 'storage_read_only', retryable: false })
    expect(failure.message).toMatch(/right to/)
    chmodSync(place.folder, 0o755)
    chmodSync(place.path, 0o644)
    await works(made)
    expect(await stored(made.sender)).toHaveLength(2)
  })

  it('in the middle refuses each send, acknowledges none, and accepts once it may be written', async () => {
    const made = make()
    await made.sender.send(event)
    for (const handle of handles) handle.pragma('query_only = 1')
    const failures = await Promise.all(Array.from({ length: 5 }, () => failureOf(made.sender.send(event))))
    for (const failure of failures) expect(failure).toMatchObject({ code: 'storage_read_only' })
    expect(await failureOf(made.sender.endpoints.create(ENDPOINT))).toMatchObject({ code: 'storage_read_only' })
    expect(await stored(made.sender)).toHaveLength(1)
    for (const handle of handles) handle.pragma('query_only = 0')
    await works(made)
  })
})

describe('a file that is damaged', () => {
  it('that is no database is refused, left as it is, and the sender works once it is gone', async () => {
    const text = 'These are the accounts of 2025, and no database. '.repeat(100)
    writeFileSync(place.path, text)
    const made = make()
    for (const call of [() => made.sender.send(event), () => made.sender.start(), () => made.sender.health()]) {
      expect(await failureOf(call())).toMatchObject({ code: 'storage_corrupt', retryable: false })
    }
    expect(readFileSync(place.path, 'utf8')).toBe(text)
    rmSync(place.path)
    await works(made)
  })

  it('within acknowledges nothing that it does not have', async () => {
    const before = make()
    for (let index = 0; index < 200; index++) await before.sender.send({ ...event, data: 'x'.repeat(500) })
    await before.sender.stop()
    const bytes = readFileSync(place.path)
    // All but the first page, so that it still opens as a database.
    bytes.fill(0xa5, 4_096)
    writeFileSync(place.path, bytes)
    rmSync(`${place.path}-wal`, { force: true })
    const made = make()
    const failure = await failureOf(made.sender.send(event))
    expect(failure.code).toMatch(/^storage_/)
    expect(failure.message.length).toBeGreaterThan(20)
    // A backup put back is taken up by a new sender.
    await made.sender.stop()
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${place.path}${suffix}`, { force: true })
    await works(make())
  })
})

describe('a file of a newer version', () => {
  it('is refused, left as it is, and opens once its version is known', async () => {
    const before = make()
    await before.sender.send(event)
    await before.sender.stop()
    const handle = second()
    const { value: known } = handle.prepare("SELECT value FROM hookferry_meta WHERE name = 'version'").get() as {
      value: number
    }
    const set = (version: number) =>
      handle.prepare("UPDATE hookferry_meta SET value = ? WHERE name = 'version'").run(version)
    set(known + 1)
    const made = make()
    const failure = await failureOf(made.sender.send(event))
    expect(failure).toMatchObject({ code: 'storage_version', retryable: false })
    expect(failure.message).toMatch(/Upgrade/)
    set(known)
    await works(made)
    expect(await stored(made.sender)).toHaveLength(2)
  })
})

describe('a path that leads nowhere', () => {
  it('in a missing folder is refused, makes none, and opens once it is there', async () => {
    const missing = join(place.folder, 'not', 'yet')
    place.path = join(missing, 'webhooks.db')
    const made = make()
    const failure = await failureOf(made.sender.send(event))
    expect(failure).toMatchObject({ code: 'storage_unavailable', retryable: false })
    expect(failure.message).toMatch(/folder/)
    expect(() => statSync(missing)).toThrow()
    mkdirSync(missing, { recursive: true })
    await works(made)
  })

  it('to a folder is refused', async () => {
    mkdirSync(place.path)
    expect(await failureOf(make().sender.send(event))).toMatchObject({ code: expect.stringMatching(/^storage_/) })
  })
})
