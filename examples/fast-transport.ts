// undici in place of node-fetch: the same guards, limits and outcomes at a fraction of the cost of a request.
//   npm install undici@7

import assert from 'node:assert/strict'
import { createWebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { undiciTransport } from 'hookferry/transports/undici'
import { startReceiver } from './support/receiver.ts'
import { scratch } from './support/scratch.ts'

const folder = await scratch()
const path = folder.path('webhooks.db')
const network = { allowHttp: true, allowRanges: ['127.0.0.0/8'] }
const receiver = await startReceiver()

// #region transport
const sender = createWebhookSender({
  storage: sqlite({ path }),
  network,
  transport: undiciTransport({ maxSocketsPerHost: 50 }),
})
// #endregion

await sender.start()
await sender.endpoints.create({ url: receiver.url })
const { id } = await sender.send({ type: 'invoice.paid', data: { invoice: 'inv_1' } })
const { delivered } = await sender.events.wait(id, { timeoutMs: 5_000 })
assert.equal(delivered, 1)
console.log('delivered by undici')

await sender.stop()
await receiver.close()
await folder.remove()
