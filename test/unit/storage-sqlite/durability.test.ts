import { expect, test } from 'vitest'
import { addEndpoint, freshPath, NOW, newEvent, openRaw, openStorage, pendingFor, WORKER } from './fixtures.ts'

const FULL = 2

test('a new file and a reopened one are written with synchronous=FULL and a write-ahead log', () => {
  const path = freshPath()
  for (const round of ['new', 'reopened']) {
    const db = openRaw(path)
    expect(db.get('PRAGMA synchronous'), round).toEqual({ synchronous: FULL })
    expect(db.get('PRAGMA journal_mode'), round).toEqual({ journal_mode: 'wal' })
    expect(db.get('PRAGMA foreign_keys'), round).toEqual({ foreign_keys: 0 })
    expect(db.get('PRAGMA busy_timeout'), round).toEqual({ timeout: 10 })
    db.close()
  }
})

test('a reopened storage has what was written', async () => {
  const path = freshPath()
  const before = await openStorage(path)
  await addEndpoint(before, 'ep_1')
  await before.insertEvents({ now: NOW, worker: WORKER, events: [newEvent('evt_1', pendingFor('ep_1'))] })
  await before.close()

  const after = await openStorage(path)
  expect(await after.getEvent({ id: 'evt_1', tenant: null })).toMatchObject({ id: 'evt_1' })
  expect(await after.nextDueAt()).toBe(NOW)
})

test('a failing write leaves nothing behind and no transaction open', async () => {
  const storage = await openStorage(freshPath())
  await addEndpoint(storage, 'ep_1')
  const events = [newEvent('evt_1', pendingFor('ep_1')), newEvent('evt_2', pendingFor('ep_unknown'))]
  await expect(storage.insertEvents({ now: NOW, worker: WORKER, events })).rejects.toMatchObject({
    code: 'endpoint_not_found',
  })
  expect(await storage.getEvent({ id: 'evt_1', tenant: null })).toBeNull()
  expect(await storage.insertEvents({ now: NOW, worker: WORKER, events: events.slice(0, 1) })).toMatchObject([
    { status: 'inserted', pending: 1 },
  ])
})

test('calls before open and after close are refused by promise', async () => {
  const storage = await openStorage(freshPath())
  await storage.close()
  await storage.close()
  const late = storage.nextDueAt()
  await expect(late).rejects.toMatchObject({ code: 'storage_unavailable' })
})

test('a copy made while it is in use has everything, and goes on by itself', async () => {
  const path = freshPath()
  const storage = await openStorage(path)
  await addEndpoint(storage, 'ep_1')
  await storage.insertEvents({ now: NOW, worker: WORKER, events: [newEvent('evt_1', pendingFor('ep_1'))] })
  openRaw(path).run('VACUUM INTO ?', `${path}.copy`)
  await storage.insertEvents({ now: NOW, worker: WORKER, events: [newEvent('evt_2', pendingFor('ep_1'))] })

  const copy = await openStorage(`${path}.copy`)
  const room = [{ endpointId: 'ep_1', limit: 9, leaseUntil: NOW + 1 }]
  const claimed = await copy.claimDue({ now: NOW, worker: WORKER, room, defer: [] })
  expect(claimed.map(({ event }) => event.id)).toEqual(['evt_1'])
})
