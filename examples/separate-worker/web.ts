// The web process: it accepts, and delivers nothing. As many of them as you like.

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createSender } from './sender.ts'

// #region web
const sender = createSender() // not started

const server = createServer(async (request, response) => {
  try {
    if (request.url === '/health') await answerHealth(response)
    else await payInvoice(request, response)
  } catch (error) {
    console.error(error)
    response.writeHead(503).end() // nothing was accepted: the client may ask again, the key keeps it from being doubled
  }
})

async function payInvoice(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, invoice] = /^\/invoices\/(\w+)\/pay$/.exec(request.url ?? '') ?? []
  if (request.method !== 'POST' || invoice === undefined) {
    response.writeHead(404).end()
    return
  }
  const idempotencyKey = `invoice.paid:${invoice}`
  const { id } = await sender.send({ type: 'invoice.paid', data: { invoice }, idempotencyKey })
  response.writeHead(202).end(id)
}

process.once('SIGTERM', async () => {
  server.close()
  await once(server, 'close')
  await sender.stop()
})
// #endregion

// #region health
/** For a monitor: unwell while something has been due for a minute, which means that no worker is there, or too few. */
async function answerHealth(response: ServerResponse): Promise<void> {
  const { oldestDueAt, pending, held } = await sender.health()
  const lateMs = oldestDueAt === null ? 0 : Date.now() - oldestDueAt.getTime()
  response.writeHead(lateMs < 60_000 ? 200 : 500).end(JSON.stringify({ lateMs, pending, held }))
}
// #endregion

server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1')
await once(server, 'listening')
console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
