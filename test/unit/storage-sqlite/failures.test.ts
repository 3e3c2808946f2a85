import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import { failureOf } from '../../../src/storage/sqlite/failures.ts'
import { sqlite } from '../../../src/storage/sqlite/index.ts'
import { insertEvents } from '../../../src/storage/sqlite/insert-events.ts'
import { migrate } from '../../../src/storage/sqlite/migrate.ts'
import { addEndpoint, freshPath, NOW, newEvent, openRaw, openStorage, pendingFor, WORKER } from './fixtures.ts'

const openAt = (path: string) => sqlite({ path }).open({ now: NOW })

test('a missing folder', async () => {
  const path = `${freshPath()}/missing/webhooks.db`
  await expect(openAt(path)).rejects.toMatchObject({
    code: 'storage_unavailable',
    retryable: false,
    message: expect.stringContaining('folder is missing'),
  })
})

test('a folder in place of a file', async () => {
  const path = freshPath()
  mkdirSync(path)
  await expect(openAt(path)).rejects.toMatchObject({ code: 'storage_unavailable' })
})

test('a file that is no database', async () => {
  const path = freshPath()
  writeFileSync(path, 'not a database, by far not a database\n'.repeat(100))
  await expect(openAt(path)).rejects.toMatchObject({ code: 'storage_corrupt', retryable: false })
})

test('a damaged database', async () => {
  const path = freshPath()
  await (await openStorage(path)).close()
  // The first page tells what tables there are; all others are lost.
  const size = statSync(path).size
  writeFileSync(path, Buffer.concat([readFileSync(path).subarray(0, 4_096), Buffer.alloc(size - 4_096, 0xff)]))
  await expect(openAt(path)).rejects.toMatchObject({ code: 'storage_corrupt', retryable: false })
})

test.skipIf(process.getuid?.() === 0)('a file that may not be written to', async () => {
  const path = freshPath()
  await (await openStorage(path)).close()
  chmodSync(path, 0o444)
  await expect(openAt(path)).rejects.toMatchObject({ code: 'storage_read_only', retryable: false })
  chmodSync(dirname(path), 0o755)
})

test('a connection that may not write', async () => {
  const db = openRaw(freshPath())
  migrate(db)
  db.run('PRAGMA query_only = ON')
  const write = () => db.write(() => insertEvents(db, { now: NOW, worker: WORKER, events: [newEvent('evt_1')] }))
  expect(write).toThrow(expect.objectContaining({ code: 'storage_read_only' }))
  db.run('PRAGMA query_only = OFF')
  expect(write).not.toThrow()
})

test('a schema made by a later version is left alone', async () => {
  const path = freshPath()
  await (await openStorage(path)).close()
  const raw = openRaw(path)
  raw.run(`UPDATE {meta} SET value = 2 WHERE name = 'version'`)
  await expect(openAt(path)).rejects.toMatchObject({
    code: 'storage_version',
    retryable: false,
    message: expect.stringContaining('Upgrade hookferry'),
  })
  raw.run(`UPDATE {meta} SET value = 1 WHERE name = 'version'`)
  await expect(openStorage(path)).resolves.toMatchObject({ name: 'sqlite' })
})

test('a full disk: nothing is half-written, and with room again it goes on', async () => {
  const path = freshPath()
  const storage = await openStorage(path)
  await addEndpoint(storage, 'ep_1')
  const db = openRaw(path)
  const pages = db.get<{ page_count: number }>('PRAGMA page_count')?.page_count ?? 0
  db.get(`PRAGMA max_page_count = ${pages + 4}`)
  const events = Array.from({ length: 50 }, (_, index) => newEvent(`evt_${index}`, pendingFor('ep_1')))
  const write = () => db.write(() => insertEvents(db, { now: NOW, worker: WORKER, events }))

  expect(write).toThrow(expect.objectContaining({ code: 'storage_full', retryable: true }))
  expect(db.get('SELECT count(*) AS count FROM {event}')).toEqual({ count: 0 })
  expect(await storage.nextDueAt()).toBeNull()

  db.get(`PRAGMA max_page_count = ${pages + 1_000}`)
  expect(write()).toHaveLength(50)
  expect(await storage.nextDueAt()).toBe(NOW)
})

test.each([
  ['SQLITE_BUSY_SNAPSHOT', 'storage_busy', true],
  ['SQLITE_LOCKED', 'storage_busy', true],
  ['SQLITE_PROTOCOL', 'storage_busy', true],
  ['SQLITE_FULL', 'storage_full', true],
  ['SQLITE_IOERR_WRITE', 'storage_full', true],
  ['SQLITE_IOERR_FSYNC', 'storage_unavailable', true],
  ['SQLITE_READONLY_DBMOVED', 'storage_read_only', false],
  ['SQLITE_CORRUPT_VTAB', 'storage_corrupt', false],
  ['SQLITE_CANTOPEN', 'storage_unavailable', false],
])('%s is told as %s', (code, expected, retryable) => {
  const cause = Object.assign(new Error('text of the driver'), { code })
  expect(failureOf(cause, 'a.db')).toMatchObject({ name: 'WebhookError', code: expected, retryable, cause })
})

test('what is no failure of the file stays what it is', () => {
  const bug = Object.assign(new Error('UNIQUE constraint failed'), { code: 'SQLITE_CONSTRAINT_UNIQUE' })
  expect(failureOf(bug, 'a.db')).toBe(bug)
})
