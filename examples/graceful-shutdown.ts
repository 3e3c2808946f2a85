// A service that ends without losing or doubling anything: on SIGTERM it stops taking requests, then stops its sender.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createWebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { startReceiver } from './support/receiver.ts'
import { scratch } from './support/scratch.ts'
import { isStopped, until } from './support/until.ts'

const folder = await scratch()
const receiver = await startReceiver()
const sender = createWebhookSender({
  storage: sqlite({ path: folder.path('webhooks.db') }),
  network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
})
const server = createServer((_request, response) => response.end('ok')).listen(0)
await sender.start()

// #region shutdown
process.once('SIGTERM', async () => {
  server.close() // no new requests of your own clients
  await once(server, 'close') // those under way have been answered, and may have sent
  await sender.stop({ graceMs: 10_000 }) // ends attempts under way, then closes the database
})
// #endregion

await sender.endpoints.create({ url: receiver.url })
await sender.send({ type: 'invoice.paid', data: { invoice: 'inv_1' } })
process.kill(process.pid, 'SIGTERM')
await until(() => isStopped(sender))
assert.equal(receiver.count, 1)
console.log('stopped; the attempt that was under way came to its end')

await receiver.close()
await folder.remove()
