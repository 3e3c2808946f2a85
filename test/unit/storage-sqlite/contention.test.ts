import { expect, test } from 'vitest'
import { loadDriver } from '../../../src/storage/sqlite/driver.ts'
import { sqlite } from '../../../src/storage/sqlite/index.ts'
import { addEndpoint, freshPath, NOW, newEvent, openRaw, openStorage, pendingFor, WORKER } from './fixtures.ts'

test('while another connection writes, a write fails soon, retryable, and succeeds afterwards', async () => {
  const path = freshPath()
  const storage = await openStorage(path)
  await addEndpoint(storage, 'ep_1')
  const other = openRaw(path)
  const insert = () =>
    storage.insertEvents({ now: NOW, worker: WORKER, events: [newEvent('evt_1', pendingFor('ep_1'))] })

  other.run('BEGIN IMMEDIATE')
  const waits: number[] = []
  for (let round = 0; round < 3; round++) {
    const start = performance.now()
    await expect(insert()).rejects.toMatchObject({ name: 'WebhookError', code: 'storage_busy', retryable: true })
    waits.push(performance.now() - start)
  }
  // The driver itself would wait for 5 s; that it waits for 10 ms is a setting that durability.test.ts reads back.
  expect(Math.min(...waits)).toBeLessThan(1_000)
  // Readers wait for nobody.
  expect(await storage.nextDueAt()).toBeNull()

  other.run('ROLLBACK')
  expect(await insert()).toMatchObject([{ status: 'inserted' }])
})

test('two storages on one file see each other, and only one claims a delivery', async () => {
  const path = freshPath()
  const [one, two] = [await openStorage(path), await openStorage(path)]
  await addEndpoint(one, 'ep_1')
  await two.insertEvents({ now: NOW, worker: 'wrk_2', events: [newEvent('evt_1', pendingFor('ep_1'))] })
  const room = [{ endpointId: 'ep_1', limit: 5, leaseUntil: NOW + 1_000 }]
  expect(await one.claimDue({ now: NOW, worker: WORKER, room, defer: [] })).toHaveLength(1)
  expect(await two.claimDue({ now: NOW, worker: 'wrk_2', room, defer: [] })).toHaveLength(0)
  expect(await two.expiredLeases({ now: NOW + 1_000, limit: 5 })).toMatchObject([{ worker: WORKER }])
})

test('a file that is locked as a whole cannot be opened yet; the same storage opens it later', async () => {
  const path = freshPath()
  const host = new (loadDriver())(path, { timeout: 0 })
  host.exec('CREATE TABLE host (id INTEGER); BEGIN EXCLUSIVE')
  const storage = sqlite({ path })
  await expect(storage.open({ now: NOW })).rejects.toMatchObject({ code: 'storage_busy', retryable: true })
  host.exec('ROLLBACK')
  expect(await storage.open({ now: NOW })).toEqual({ version: 1 })
  await storage.close()
  host.close()
})

test('while another connection migrates, opening fails, retryable; afterwards it finds the schema there', async () => {
  const path = freshPath()
  const other = openRaw(path)
  other.run('BEGIN IMMEDIATE')
  const storage = sqlite({ path })
  await expect(storage.open({ now: NOW })).rejects.toMatchObject({ code: 'storage_busy', retryable: true })
  other.run('ROLLBACK')
  await openStorage(path)
  expect(await storage.open({ now: NOW })).toEqual({ version: 1 })
  await storage.close()
})
