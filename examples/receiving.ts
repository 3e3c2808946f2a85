// Webhooks received in Express, Fastify and a Next.js route handler. docs/guides/verifying.md shows the regions as they stand here;
// Hono is in hono.ts, node:http in quick-start.ts, and a worker in verify-on-the-edge.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import Fastify from 'fastify'
import { createWebhookSender } from 'hookferry'
import { defineEvents, event } from 'hookferry/events'
import { memory } from 'hookferry/memory'
import { type VerificationError, type Verified, verify } from 'hookferry/verify'

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const shipped: string[] = []
const ship = (invoice: string) => shipped.push(invoice)

// #region handle
const events = defineEvents({
  'invoice.paid': event<{ invoice: string; amount: number }>(),
  'invoice.voided': event<{ invoice: string; reason: string }>(),
})

const handled = new Set<string>() // in your database: a unique column, written in the transaction that does the work

async function handle(received: Verified<typeof events>): Promise<void> {
  if (handled.has(received.id)) return // it came before, and is sent again because our answer was lost
  handled.add(received.id)
  switch (received.type) {
    case 'invoice.paid':
      ship(received.data.invoice)
      break
    default: // also what a newer sender sends that this catalogue does not know
  }
}
// #endregion

// #region express
const app = express()

// Before app.use(express.json()), which would keep nothing of the bytes that were signed.
app.post('/webhooks', express.raw({ type: '*/*', limit: '1mb' }), async (request, response) => {
  await handle(await verify<typeof events>(request, secret))
  response.sendStatus(204)
})
// #endregion

// #region fastify
const fastify = Fastify()

fastify.register(async (receiver) => {
  // In this scope alone bodies stay bytes.
  receiver.removeAllContentTypeParsers()
  receiver.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) => body)

  receiver.post<{ Body: Buffer }>('/webhooks', async ({ headers, body }, reply) => {
    await handle(await verify<typeof events>({ headers, body }, secret))
    return reply.code(204).send()
  })
})
// #endregion

// #region next
// app/webhooks/route.ts
export async function POST(request: Request): Promise<Response> {
  try {
    await handle(await verify<typeof events>(request, secret))
    return new Response(null, { status: 204 })
  } catch (error) {
    const { statusCode = 500 } = error as Partial<VerificationError>
    return new Response(null, { status: statusCode })
  }
}
// #endregion

app.set('env', 'test') // Express writes errors to the console otherwise
const servers = [createServer(app), createServer(getRequestListener(POST))]
for (const server of servers) await once(server.listen(0, '127.0.0.1'), 'listening')
const origins = servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
origins.push(await fastify.listen({ port: 0 }))

const sender = createWebhookSender({
  storage: memory(),
  events,
  network: { allowHttp: true, allowRanges: ['127.0.0.0/8', '::1/128'] },
})
for (const [index, origin] of origins.entries()) {
  await sender.endpoints.create({ tenant: `customer-${index}`, url: `${origin}/webhooks`, secret })
  const id = `evt_${index}`
  await sender.send({
    tenant: `customer-${index}`,
    type: 'invoice.paid',
    id,
    data: { invoice: `inv_${index}`, amount: 990 },
  })
  await sender.drain()
  await sender.replay({ tenant: `customer-${index}`, eventId: id })
  await sender.drain()
  const { items } = await sender.deliveries.list({ tenant: `customer-${index}` })
  assert.deepEqual(
    items.map(({ state, attemptCount }) => [state, attemptCount]),
    [['delivered', 2]],
  )

  // What the sender did not sign is answered by 400.
  const headers = { 'content-type': 'application/json', 'webhook-id': 'evt_x', 'webhook-signature': 'v1,' }
  const forged = await fetch(`${origin}/webhooks`, { method: 'POST', headers, body: '{}' })
  assert.equal(forged.status, 400)
}
assert.deepEqual(shipped, ['inv_0', 'inv_1', 'inv_2'])
console.log('received in each framework, handled once although it was sent twice:', shipped)

await sender.stop()
await fastify.close()
for (const server of servers) {
  server.close()
  server.closeAllConnections()
}
