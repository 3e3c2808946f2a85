// A customer's server was down for longer than the retries went on. Once it is back, deliver what failed.

import assert from 'node:assert/strict'
import { createWebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { startReceiver } from './support/receiver.ts'
import { scratch } from './support/scratch.ts'
import { until } from './support/until.ts'

const folder = await scratch()
const receiver = await startReceiver(500)
const sender = createWebhookSender({
  storage: sqlite({ path: folder.path('webhooks.db') }),
  network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
  retry: { delaysMs: [50, 50], jitter: 0 }, // so that the example need not run for three days
})
await sender.start()
const endpoint = await sender.endpoints.create({ url: receiver.url })

const outageBegan = new Date()
for (let invoice = 1; invoice <= 5; invoice++) await sender.send({ type: 'invoice.paid', data: { invoice } })
const failed = async () => (await sender.deliveries.list({ state: 'failed' })).items.length
await until(async () => (await failed()) === 5)
receiver.status = 200

// #region replay
const selection = { endpointId: endpoint.id, state: 'failed', since: outageBegan } as const

const { total } = await sender.replay(selection, { dryRun: true })
console.log(`${total} deliveries would be replayed`)

const run = await sender.replay(selection, { perSecond: 10 })
for await (const { requeued, delivered } of run.progress()) {
  console.log(`${requeued} of ${run.total} requeued, ${delivered} delivered`)
}
// #endregion

const { delivered, state } = await run.wait({ timeoutMs: 10_000 })
assert.deepEqual(
  { total, delivered, state, failed: await failed() },
  { total: 5, delivered: 5, state: 'completed', failed: 0 },
)
const [replayed] = (await sender.deliveries.list()).items
assert.equal(replayed?.round, 2)
assert.equal(replayed.attemptCount, 4)

await sender.stop()
await receiver.close()
await folder.remove()
