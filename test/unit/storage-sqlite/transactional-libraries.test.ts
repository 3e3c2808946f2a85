/** The handle beneath libraries that work on better-sqlite3, as the adapter's page names it. */
import Database from 'better-sqlite3'
import { drizzle } from 'drizzle-orm/better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import { expect, test } from 'vitest'
import type { SqliteStorage, SqliteTransaction } from '../../../src/storage/sqlite/index.ts'
import { freshPath, NOW, newEvent, openStorage } from './fixtures.ts'

function insert(storage: SqliteStorage, tx: SqliteTransaction, id: string) {
  const { event, hash } = newEvent(id)
  const item = { event, hash, idGiven: false, idempotencyExpiresAt: null, endpointIds: null }
  return storage.insertEventIn(tx, { now: NOW, event: item })
}

const fanOuts = async (storage: SqliteStorage) =>
  (await storage.pendingFanOuts({ limit: 9 })).map(({ event }) => event.id)

test('drizzle: db.$client', async () => {
  const path = freshPath()
  const storage = await openStorage(path)
  const db = drizzle({ client: new Database(path) })
  const send = (id: string, isBad: boolean) =>
    db.transaction(
      () => {
        insert(storage, db.$client, id)
        if (isBad) throw new Error('bad')
      },
      { behavior: 'immediate' },
    )
  send('evt_good', false)
  expect(() => send('evt_bad', true)).toThrow('bad')
  expect(await fanOuts(storage)).toEqual(['evt_good'])
  db.$client.close()
})

test('kysely: the handle given to SqliteDialect', async () => {
  const path = freshPath()
  const storage = await openStorage(path)
  const handle = new Database(path)
  const db = new Kysely({ dialect: new SqliteDialect({ database: handle }) })
  const send = (id: string, isBad: boolean) =>
    db.transaction().execute(async () => {
      insert(storage, handle, id)
      if (isBad) throw new Error('bad')
    })
  await send('evt_good', false)
  await expect(send('evt_bad', true)).rejects.toThrow('bad')
  expect(await fanOuts(storage)).toEqual(['evt_good'])
  await db.destroy()
})
