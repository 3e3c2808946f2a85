// A customer adds an endpoint today, and wants what happened since the first of the month.

import assert from 'node:assert/strict'
import { createWebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { startReceiver } from './support/receiver.ts'
import { scratch } from './support/scratch.ts'

const folder = await scratch()
const receiver = await startReceiver()
const sender = createWebhookSender({
  storage: sqlite({ path: folder.path('webhooks.db') }),
  network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
})
await sender.start()
const firstOfMonth = new Date()
for (const type of ['invoice.paid', 'user.created', 'invoice.paid', 'invoice.voided', 'invoice.paid']) {
  await sender.send({ tenant: 'acme', type, data: {} })
}
const url = receiver.url

// #region backfill
const acme = sender.forTenant('acme')
const endpoint = await acme.endpoints.create({ url, eventTypes: ['invoice.*'] })

const selection = { endpointId: endpoint.id, since: firstOfMonth }
const { total } = await acme.backfill(selection, { dryRun: true })
console.log(`${total} events that this endpoint never had`)

const run = await acme.backfill(selection, { perSecond: 20 })
const { delivered, failed } = await run.wait()
console.log(`${delivered} delivered, ${failed} failed`)
// #endregion

assert.deepEqual(
  { total, delivered, failed, received: receiver.count },
  { total: 4, delivered: 4, failed: 0, received: 4 },
)
assert.deepEqual(await acme.backfill(selection, { dryRun: true }), { total: 0 })

await sender.stop()
await receiver.close()
await folder.remove()
