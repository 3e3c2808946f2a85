// "It did not arrive", says the customer. From the event's id, or the key under which it was sent, to the answer.

import assert from 'node:assert/strict'
import { type AnyTenantSender, createWebhookSender, type Delivery, type Endpoint } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { startReceiver } from './support/receiver.ts'
import { scratch } from './support/scratch.ts'
import { until } from './support/until.ts'

// #region find
const DAY = 86_400_000

/** An event by its id, or by the key under which it was sent in the last week. */
async function findEvent(webhooks: AnyTenantSender, idOrKey: string): Promise<string | null> {
  if (idOrKey.startsWith('evt_')) return (await webhooks.events.get(idOrKey))?.id ?? null
  const since = new Date(Date.now() - 7 * DAY)
  let cursor: string | null = null
  do {
    const page = await webhooks.events.list({ since, limit: 200, cursor })
    const found = page.items.find(({ idempotencyKey }) => idempotencyKey === idOrKey)
    if (found !== undefined) return found.id
    cursor = page.nextCursor
  } while (cursor !== null)
  return null
}
// #endregion

// #region answer
/** What to tell the customer: a line for each of their endpoints. */
async function answer(webhooks: AnyTenantSender, eventId: string): Promise<string[]> {
  const { items } = await webhooks.events.explain(eventId)
  return Promise.all(
    items.map(async ({ endpointId, reason, deliveryId }) => {
      const endpoint = await webhooks.endpoints.get(endpointId)
      const delivery = deliveryId === null ? null : await webhooks.deliveries.get(deliveryId)
      const said = delivery === null || endpoint === null ? reason : await storyOf(webhooks, endpoint, delivery)
      return `${endpoint?.description}: ${said}`
    }),
  )
}

async function storyOf(webhooks: AnyTenantSender, endpoint: Endpoint, delivery: Delivery): Promise<string> {
  const { state, attemptCount, nextAttemptAt } = delivery
  if (state === 'pending' && endpoint.state !== 'active') return `held, since the endpoint is ${endpoint.state}`
  const last = (await webhooks.deliveries.attempts(delivery.id, { limit: 200 })).items.at(-1)
  if (last === undefined) return `${state}, next attempt at ${nextAttemptAt?.toISOString()}`
  const response = new TextDecoder().decode(last.responseBody ?? new Uint8Array())
  const came =
    last.status === null ? `${last.outcome} (${last.error?.message})` : `answered ${last.status} "${response}"`
  return `${state} after ${attemptCount} attempts; at ${last.startedAt.toISOString()} ${last.url} ${came}`
}
// #endregion

const folder = await scratch()
const [good, broken, quiet, narrow] = await Promise.all([
  startReceiver(200, 'queued as 77'),
  startReceiver(500, 'no such tenant: acme'),
  startReceiver(),
  startReceiver(),
])
const sender = createWebhookSender({
  storage: sqlite({ path: folder.path('webhooks.db') }),
  network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
  retry: { delaysMs: [50, 50], jitter: 0 }, // given up after a moment, and not after three days
})
await sender.start()

const acme = sender.forTenant('acme')
await acme.endpoints.create({ url: good.url, description: 'accounting' })
const { id: crm } = await acme.endpoints.create({ url: broken.url, description: 'crm' })
await acme.endpoints.create({ url: narrow.url, description: 'warehouse', eventTypes: ['order.*'] })
const { id: archive } = await acme.endpoints.create({ url: quiet.url, description: 'archive' })
await acme.endpoints.pause(archive)
const sent = await acme.send({ type: 'invoice.paid', data: { invoice: 'inv_1' }, idempotencyKey: 'invoice.paid:inv_1' })
await acme.endpoints.create({ url: quiet.url, description: 'reports' })
await until(async () => (await acme.deliveries.list({ state: ['delivered', 'failed'] })).items.length === 2)

const eventId = await findEvent(acme, 'invoice.paid:inv_1')
assert.equal(eventId, sent.id)
assert.equal(await findEvent(acme, sent.id), sent.id)
assert.equal(await findEvent(acme, 'invoice.paid:inv_2'), null) // then it was never sent: look on your own side
assert.equal(await findEvent(sender.forTenant('globex'), sent.id), null)

const lines = await answer(acme, sent.id)
for (const line of lines) console.log(line)
const told = [
  /^reports: created_later$/,
  /^archive: held, since the endpoint is paused$/,
  /^warehouse: type_differs$/,
  /^crm: failed after 3 attempts; at \S+Z http:\S+ answered 500 "no such tenant: acme"$/,
  /^accounting: delivered after 1 attempts; at \S+Z http:\S+ answered 200 "queued as 77"$/,
]
assert.equal(lines.length, told.length)
for (const [index, pattern] of told.entries()) assert.match(lines[index] ?? '', pattern)

// The customer has repaired it.
broken.status = 200
// #region again
const run = await acme.replay({ eventId: sent.id, endpointId: crm })
const { delivered } = await run.wait({ timeoutMs: 10_000 })
// #endregion
assert.equal(delivered, 1)
assert.equal(broken.requests.at(-1)?.headers['webhook-id'], sent.id)

// And one endpoint was added too late for the event.
// #region late
const late = (await acme.events.explain(sent.id)).items.find(({ reason }) => reason === 'created_later')
if (late !== undefined) await acme.backfill({ eventId: sent.id, endpointId: late.endpointId })
// #endregion
await until(() => quiet.count === 1)
assert.equal((await acme.events.explain(sent.id)).items[0]?.reason, 'backfilled')

await sender.stop()
for (const receiver of [good, broken, quiet, narrow]) await receiver.close()
await folder.remove()
