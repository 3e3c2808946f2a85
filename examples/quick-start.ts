// Send an event and receive it. README.md shows the regions as they stand here.
// biome-ignore-all assist/source/organizeImports: imports stand in the regions that need them

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
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

const received: unknown[] = []

// #region receive
const server = createServer(async (request, response) => {
  try {
    // The body byte for byte as it came: an object that was parsed and written again has another signature.
    const event = await verify({ headers: request.headers, body: await buffer(request) }, secret)
    if (event.type === 'invoice.paid') received.push(event.data)
    response.writeHead(204).end()
  } catch {
    response.writeHead(400).end()
  }
})
// #endregion

server.listen(0, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`
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
const { secret } = await sender.endpoints.create({ url, eventTypes: ['invoice.*'] })

// Whenever something happens. When this resolves, the event is on disk.
const { id } = await sender.send({ type: 'invoice.paid', data: { invoice: 'inv_1', amount: 990 } })
// #endregion

assert.deepEqual(await sender.events.wait(id), { pending: 0, delivered: 1, failed: 0, canceled: 0 })
assert.deepEqual(received, [{ invoice: 'inv_1', amount: 990 }])
console.log('received and verified:', received[0])

// #region look
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
