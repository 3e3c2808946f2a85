// An invoice is voided while its webhook waits to be repeated: what is not delivered yet shall not be.

import assert from 'node:assert/strict'
import { createWebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { startReceiver } from './support/receiver.ts'
import { scratch } from './support/scratch.ts'
import { until } from './support/until.ts'

const folder = await scratch()
const well = await startReceiver()
const down = await startReceiver(503)
const sender = createWebhookSender({
  storage: sqlite({ path: folder.path('webhooks.db') }),
  network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
})
await sender.start()
await sender.endpoints.create({ url: well.url })
await sender.endpoints.create({ url: down.url })
const { id } = await sender.send({ type: 'invoice.paid', data: { invoice: 'inv_1' } })
await until(() => well.count === 1 && down.count === 1)

// #region cancel
await sender.events.cancel(id)
const { delivered, failed, canceled } = await sender.events.wait(id, { timeoutMs: 20_000 })
console.log(`${delivered} had it already, ${canceled} will not get it, ${failed} had failed before`)
// #endregion

assert.deepEqual({ delivered, failed, canceled }, { delivered: 1, failed: 0, canceled: 1 })

await sender.stop()
await well.close()
await down.close()
await folder.remove()
