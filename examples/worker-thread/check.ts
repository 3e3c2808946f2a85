// One process: the host's thread accepts, a worker thread delivers, by the same file.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { createWebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { startReceiver } from '../support/receiver.ts'
import { scratch } from '../support/scratch.ts'
import { until } from '../support/until.ts'

const folder = await scratch()
const path = folder.path('webhooks.db')
const receiver = await startReceiver()

const execArgv = ['--import', new URL('../support/typescript.mjs', import.meta.url).href]

// #region host
const sender = createWebhookSender({
  storage: sqlite({ path }),
  network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
}) // not started: it only accepts
await sender.endpoints.create({ url: receiver.url })

const thread = new Worker(new URL('./sender-thread.ts', import.meta.url), { workerData: { path }, execArgv })
thread.on('error', (error) => console.error('deliveries stand still until the thread is started again', error))

await sender.send({ type: 'invoice.paid', data: { invoice: 'inv_1' } })
// #endregion

await until(async () => (await sender.deliveries.list({ state: 'delivered' })).items.length === 1)
assert.equal(receiver.count, 1)

// #region stop
thread.postMessage('stop')
await once(thread, 'exit')
await sender.stop()
// #endregion

console.log('one thread accepted, another delivered')
await receiver.close()
await folder.remove()
