/** A transaction of the host's that stays open holds its idempotency key: who sends the same waits for its end, and nobody else. */
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { Catalog } from '../../src/catalog.ts'
import { createWebhookSender, type WebhookSender } from '../../src/sender.ts'
import { type PostgresStorage, postgres } from '../../src/storage/postgres/index.ts'
import { type Server, startServer } from '../support/postgres/server.ts'

let server: Server
let sender: WebhookSender<Catalog, PostgresStorage>
let host: Client
let schemas = 0

beforeAll(async () => {
  server = await startServer()
}, 60_000)

afterEach(async () => {
  await host.end()
  await sender.stop()
})

afterAll(() => server?.stop())

const EVENT = { type: 'invoice.paid', data: { invoice: 'inv_1' } }

/** With a transaction open that has sent by the key `held` and the id `evt_held`. */
async function begin(acceptTimeoutMs: number): Promise<void> {
  const schema = `held_keys_${process.pid}_${schemas++}`
  sender = createWebhookSender({ storage: postgres({ connectionString: server.url, schema }), acceptTimeoutMs })
  await sender.health()
  host = new Client({ connectionString: server.url })
  await host.connect()
  await host.query('BEGIN')
  await sender.sendIn(host, { ...EVENT, idempotencyKey: 'held' })
  await sender.sendIn(host, { ...EVENT, id: 'evt_held' })
}

/** What has come of it by now. */
function watched<T>(promise: Promise<T>): { outcome: () => unknown; promise: Promise<T> } {
  let outcome: unknown = 'waits'
  promise.then(
    (value) => {
      outcome = value
    },
    (error) => {
      outcome = error
    },
  )
  return { outcome: () => outcome, promise }
}

it.each([
  ['committed', 'COMMIT', true],
  ['rolled back', 'ROLLBACK', false],
])('the others of its batch do not wait; it is answered once the transaction is %s', async (_, end, duplicate) => {
  await begin(20_000)
  const byKey = watched(sender.send({ ...EVENT, idempotencyKey: 'held' }))
  const byId = watched(sender.send({ ...EVENT, id: 'evt_held' }))
  const others = await Promise.all([
    ...Array.from({ length: 20 }, () => sender.send(EVENT)),
    ...Array.from({ length: 20 }, (_, index) => sender.send({ ...EVENT, idempotencyKey: `free ${index}` })),
  ])
  const later = await sender.send({ ...EVENT, idempotencyKey: 'later' })
  expect([...others, later].every((result) => !result.duplicate)).toBe(true)
  expect([byKey.outcome(), byId.outcome()]).toEqual(['waits', 'waits'])

  await host.query(end)
  expect((await byKey.promise).duplicate).toBe(duplicate)
  expect(await byId.promise).toMatchObject({ id: 'evt_held', duplicate })
})

it('who waits for too long is told that it was not accepted', async () => {
  await begin(500)
  await expect(sender.send({ ...EVENT, idempotencyKey: 'held' })).rejects.toMatchObject({
    code: 'busy',
    retryable: true,
  })
  await host.query('ROLLBACK')
  expect(await sender.send({ ...EVENT, idempotencyKey: 'held' })).toMatchObject({ duplicate: false })
})
