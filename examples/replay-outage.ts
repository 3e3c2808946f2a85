// A customer's server was down from nine to ten. It is back: deliver what failed in that hour, and watch it.

import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
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
  retry: { delaysMs: [50], jitter: 0 }, // given up after a moment, and not after three days
})
await sender.start()
const endpoint = await sender.endpoints.create({ url: receiver.url })
const atRest = (state: 'delivered' | 'failed', count: number) =>
  until(async () => (await sender.deliveries.list({ state, limit: 200 })).items.length === count)
let invoice = 0
const pay = async (invoices: number) => {
  for (const last = invoice + invoices; invoice < last; invoice++) {
    await sender.send({ type: 'invoice.paid', data: { invoice } })
  }
}

await pay(10)
await atRest('delivered', 10)
await sleep(2) // moments count in milliseconds
const outageBegan = new Date()
receiver.status = 500
await pay(60)
await atRest('failed', 60)
await sleep(2)
const outageEnded = new Date()
receiver.status = 200

// #region replay
const selection = { endpointId: endpoint.id, state: 'failed', since: outageBegan, until: outageEnded } as const

const { total } = await sender.replay(selection, { dryRun: true })
console.log(`${total} deliveries failed between ${outageBegan.toISOString()} and ${outageEnded.toISOString()}`)

const run = await sender.replay(selection, { perSecond: 100 }) // no faster than a server that has just come up can take
for await (const { delivered, failed, skipped } of run.progress()) {
  process.stdout.write(`\r${bar(delivered + failed + skipped, run.total)}`)
}
process.stdout.write('\n')

function bar(done: number, all: number): string {
  const filled = all === 0 ? 30 : Math.round((30 * done) / all)
  return `${'#'.repeat(filled).padEnd(30, '.')} ${done} of ${all}`
}
// #endregion

const { state, delivered, failed } = await run.wait()
assert.deepEqual({ total, state, delivered, failed }, { total: 60, state: 'completed', delivered: 60, failed: 0 })
const { items } = await sender.deliveries.list({ limit: 200 })
assert.equal(items.filter(({ round }) => round === 2).length, 60) // what was delivered before was left alone
assert.equal(receiver.count, 10 + 60 * 2 + 60)

await sender.stop()
await receiver.close()
await folder.remove()
