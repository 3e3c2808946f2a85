// The web process: it accepts, and delivers nothing. As many of them as you like.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createSender } from './sender.ts'

// #region web
const sender = createSender() // not started

const server = createServer(async (request, response) => {
  const [, invoice] = /^\/invoices\/(\w+)\/pay$/.exec(request.url ?? '') ?? []
  if (request.method !== 'POST' || invoice === undefined) return response.writeHead(404).end()
  try {
    const idempotencyKey = `invoice.paid:${invoice}`
    const { id } = await sender.send({ type: 'invoice.paid', data: { invoice }, idempotencyKey })
    response.writeHead(202).end(id)
  } catch (error) {
    console.error(error)
    response.writeHead(503).end() // nothing was accepted: the client may ask again, the key keeps it from being doubled
  }
})

process.once('SIGTERM', async () => {
  server.close()
  await once(server, 'close')
  await sender.stop()
})
// #endregion

server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1')
await once(server, 'listening')
console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
