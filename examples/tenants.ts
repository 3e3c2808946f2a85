// Two customers on one sender. What stands behind a customer's page gets a sender bound to that customer.

import assert from 'node:assert/strict'
import { ALL_TENANTS, createWebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { scratch } from './support/scratch.ts'

const folder = await scratch()
// Not started: it accepts and answers, another process delivers. `requireTenant` refuses calls that forget the tenant.
const sender = createWebhookSender({
  storage: sqlite({ path: folder.path('webhooks.db') }),
  network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
  requireTenant: true,
})
const url = 'http://127.0.0.1:9/webhooks'

// #region tenants
const acme = sender.forTenant('acme')
const globex = sender.forTenant('globex')

const endpoint = await acme.endpoints.create({ url })
await globex.endpoints.create({ url })
const { id, deliveries } = await acme.send({ type: 'invoice.paid', data: { invoice: 'inv_1' } })

// Only Acme's own endpoint is served, and to Globex none of it exists.
assert.equal(deliveries, 1)
assert.equal(await globex.endpoints.get(endpoint.id), null)
assert.equal(await globex.events.get(id), null)
assert.equal((await globex.deliveries.list()).items.length, 0)
await assert.rejects(globex.endpoints.pause(endpoint.id), { code: 'endpoint_not_found' })

// For the operator: over all tenants, said aloud.
assert.equal((await sender.endpoints.list({ tenant: ALL_TENANTS })).items.length, 2)
// #endregion

await assert.rejects(sender.send({ type: 'invoice.paid', data: {} }), { code: 'argument_missing' })
console.log(`${id} went to ${deliveries} endpoint; Globex knows of none of it`)

await sender.stop()
await folder.remove()
