// What happens to one invoice must arrive in order. What happens to another one must not wait for it.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createWebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { scratch } from './support/scratch.ts'
import { until } from './support/until.ts'

const arrived: string[] = []
let refusals = 2

// A customer's server that is not ready for the first invoice's creation at once.
const server = createServer(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const { type, data } = JSON.parse(Buffer.concat(chunks).toString())
  const refused = type === 'invoice.created' && data.invoice === 'inv_1' && refusals-- > 0
  if (!refused) arrived.push(`${data.invoice} ${type}`)
  response.writeHead(refused ? 500 : 204).end()
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`

const folder = await scratch()
const sender = createWebhookSender({
  storage: sqlite({ path: folder.path('webhooks.db') }),
  network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
  retry: { delaysMs: [100, 100, 100] },
})
await sender.start()
await sender.endpoints.create({ url, eventTypes: ['invoice.*'] })

// #region order
const invoiceEvent = (invoice: string, type: string) => ({ type, data: { invoice }, orderingKey: invoice })

await sender.send(invoiceEvent('inv_1', 'invoice.created'))
await sender.send(invoiceEvent('inv_1', 'invoice.paid'))
await sender.send(invoiceEvent('inv_2', 'invoice.created'))
// #endregion

await until(() => arrived.length === 3)
console.log(arrived)
assert.deepEqual(arrived, ['inv_2 invoice.created', 'inv_1 invoice.created', 'inv_1 invoice.paid'])

await sender.stop()
server.close()
server.closeAllConnections()
await folder.remove()
