// Send an event and receive it. README.md shows the regions as they stand here: `receive` and `send`, one after the other, are a program.
// biome-ignore-all assist/source/organizeImports: imports stand in the regions that need them

import assert from 'node:assert/strict'
import { once } from 'node:events'
// #region receive
import { createServer } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { verify } from 'hookferry/verify'

// #endregion
// #region send
import { createWebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'

// #endregion
import { scratch } from './support/scratch.ts'

// #region receive
const server = createServer(async (request, response) => {
  try {
    // The bytes as they came: an object that was parsed and written again has another signature.
    const event = await verify({ headers: request.headers, body: await buffer(request) }, secret)
    console.log('received', event.type, event.data)
    response.writeHead(204).end()
  } catch {
    response.writeHead(400).end()
  }
}).listen(8787, '127.0.0.1')
// #endregion

await once(server, 'listening')
const home = process.cwd()
const folder = await scratch()
process.chdir(folder.path('.'))

// #region send
const sender = createWebhookSender({
  storage: sqlite({ path: 'webhooks.db' }),
  network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] }, // to try it on one machine; leave it out in production
})
await sender.start()

// Once for each URL that a customer gives you. The secret is theirs: show it to them.
const url = 'http://127.0.0.1:8787/webhooks'
const { secret } = await sender.endpoints.create({ url, eventTypes: ['invoice.*'] })

// Whenever something happens. When this resolves, the event is on disk.
const { id } = await sender.send({ type: 'invoice.paid', data: { invoice: 'inv_1', amount: 990 } })
// #endregion

// 204 came back, so that the receiver has verified it.
const outcome = await sender.events.wait(id, { timeoutMs: 10_000 })
assert.deepEqual(outcome, { pending: 0, delivered: 1, failed: 0, canceled: 0 })

// #region look
await sender.events.wait(id) // until it is at rest at every endpoint
const { items } = await sender.deliveries.list({ eventId: id })
for (const delivery of items) {
  const attempts = await sender.deliveries.attempts(delivery.id)
  console.log(delivery.state, attempts.items)
}
// #endregion
assert.equal(items.length, 1)

await sender.stop()
server.close()
server.closeAllConnections()
process.chdir(home)
await folder.remove()
