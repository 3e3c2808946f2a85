import { expect, test } from 'vitest'
import { sqlite } from '../../../src/storage/sqlite/index.ts'
import { addEndpoint, freshPath, NOW, newEvent, openRaw, openStorage, pendingFor, WORKER } from './fixtures.ts'

test('storages with different prefixes share a file with the tables of the host', async () => {
  const path = freshPath()
  const raw = openRaw(path)
  raw.run('CREATE TABLE event (id INTEGER)')
  const [a, b] = [await openStorage(path, 'a_'), await openStorage(path, 'b_')]
  await addEndpoint(a, 'ep_1')
  await a.insertEvents({ now: NOW, worker: WORKER, events: [newEvent('evt_1', pendingFor('ep_1'))] })

  expect(await a.nextDueAt()).toBe(NOW)
  expect(await b.nextDueAt()).toBeNull()
  const foreign = raw.all(`SELECT name FROM sqlite_schema WHERE name NOT LIKE 'a\\_%' ESCAPE '\\'
    AND name NOT LIKE 'b\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'`)
  expect(foreign).toEqual([{ name: 'event' }])
})

test.each(['', '1a_', 'a-b', 'a b', 'sqlite_x', 'SQLITE_x', 'a"', 'x'.repeat(41)])(
  'prefix %j is refused',
  (tablePrefix) => {
    expect(() => sqlite({ path: 'a.db', tablePrefix })).toThrow(
      expect.objectContaining({ name: 'ArgumentError', path: 'sqlite.tablePrefix' }),
    )
  },
)

test('in memory it claims neither to last nor to be shared', () => {
  expect(sqlite({ path: ':memory:' }).supports).toMatchObject({ durable: false, multiProcess: false })
  expect(sqlite({ path: 'a.db' }).supports).toMatchObject({ durable: true, multiProcess: true })
})

test.each(['', 'a\0b'])('path %j is refused', (path) => {
  expect(() => sqlite({ path })).toThrow(expect.objectContaining({ name: 'ArgumentError', path: 'sqlite.path' }))
})

test('an unknown option is refused', () => {
  const options = { path: 'a.db', filename: 'b.db' }
  expect(() => sqlite(options)).toThrow(expect.objectContaining({ code: 'argument_unknown', path: 'sqlite.filename' }))
})
