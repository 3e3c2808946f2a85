// A customer asks for quiet while they maintain their server. Nothing is lost: it is held, and delivered afterwards.

import assert from 'node:assert/strict'
import { createWebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { startReceiver } from './support/receiver.ts'
import { scratch } from './support/scratch.ts'
import { until } from './support/until.ts'

const folder = await scratch()
const receiver = await startReceiver()
const sender = createWebhookSender({
  storage: sqlite({ path: folder.path('webhooks.db') }),
  network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
})
await sender.start()
const endpoint = await sender.endpoints.create({ url: receiver.url })

// #region pause
await sender.endpoints.pause(endpoint.id, { reason: 'maintenance, asked for by the customer' })
for (let invoice = 1; invoice <= 3; invoice++) await sender.send({ type: 'invoice.paid', data: { invoice } })

const { held } = await sender.health()
console.log(`${held} deliveries are held`)

await sender.endpoints.resume(endpoint.id)
// #endregion

assert.equal(held, 3)
await until(async () => (await sender.deliveries.list({ state: 'delivered' })).items.length === 3)
assert.equal(receiver.count, 3)
console.log(`${receiver.count} were delivered after resume`)

await sender.stop()
await receiver.close()
await folder.remove()
