// A catalogue: which events there are and what is in them, for the compiler, for the running sender, and for the receiver.
// biome-ignore-all assist/source/organizeImports: imports stand in the regions that need them

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sqlite } from 'hookferry/sqlite'
// #region define
import { defineEvents, event } from 'hookferry/events'
import { z } from 'zod'

interface Invoice {
  id: string
  amount: number
}

const events = defineEvents({
  // A TypeScript type: the compiler checks it, nothing does at run time.
  'invoice.paid': event<Invoice>(),
  // A schema: the compiler checks it, and so does send. Any library of Standard Schema goes: zod, valibot, arktype …
  'user.created': event(
    z.object({
      name: z.string().trim().min(1),
      plan: z.enum(['free', 'team']).default('free'),
      since: z.date(),
    }),
  ),
})
// #endregion
// #region inject
import { type AnyWebhookSender, createWebhookSender, type EventInput } from 'hookferry'

type AppSender = AnyWebhookSender<typeof events> // whatever its storage

async function welcome(webhooks: AppSender, name: string): Promise<void> {
  await webhooks.send({ type: 'user.created', data: { name, since: new Date() } })
}

const paid = (invoice: Invoice): EventInput<typeof events, 'invoice.paid'> => ({
  type: 'invoice.paid',
  data: invoice,
  idempotencyKey: `invoice.paid:${invoice.id}`,
})
// #endregion
// #region receive
import { verify } from 'hookferry/verify'

async function handle(headers: NodeJS.Dict<string | string[]>, body: Uint8Array): Promise<string> {
  const webhook = await verify<typeof events>({ headers, body }, secret)
  switch (webhook.type) {
    case 'invoice.paid':
      return `${webhook.data.amount} paid` // data is an Invoice
    case 'user.created':
      return `${webhook.data.name} has ${webhook.data.plan} since ${webhook.data.since.slice(0, 4)}` // a Date is text by now
    default:
      return 'an event that came later than this code'
  }
}
// #endregion
import { scratch } from './support/scratch.ts'

const received: string[] = []
const server = createServer(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  received.push(await handle(request.headers, Buffer.concat(chunks)))
  response.writeHead(204).end()
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`
const folder = await scratch()
const storage = sqlite({ path: folder.path('webhooks.db') })
const network = { allowHttp: true, allowRanges: ['127.0.0.0/8'] }

// #region send
const sender = createWebhookSender({ events, storage, network })

await sender.send({ type: 'invoice.paid', data: { id: 'inv_1', amount: 990 } })
// #endregion

// #region compile
const mistakes = () => [
  // @ts-expect-error: no such type
  sender.send({ type: 'invoice.payed', data: { id: 'inv_1', amount: 990 } }),
  // @ts-expect-error: the data of another type
  sender.send({ type: 'invoice.paid', data: { name: 'Ada', since: new Date() } }),
]
// #endregion
assert.equal(typeof mistakes, 'function')

// #region refuse
const name = ' ' // of a customer, who left it empty
await assert.rejects(sender.send({ type: 'user.created', data: { name, since: new Date() } }), {
  code: 'event_invalid',
  message: /^the schema of user\.created refuses send\.data\.name: Too small/,
})
// #endregion

// #region endpoints
const { secret } = await sender.endpoints.create({ url, eventTypes: ['invoice.*', 'user.created'] })

await assert.rejects(sender.endpoints.create({ url, eventTypes: ['invoices.*'] }), {
  code: 'argument_invalid',
  message: /matches no type of the catalogue: near it are invoice\.paid/,
})
// #endregion

// #region listen
sender.on('delivery.failed', ({ type, eventId }) => {
  if (type === 'invoice.paid') console.error(`a customer does not know of the payment ${eventId}`)
})
// #endregion

await sender.send(paid({ id: 'inv_2', amount: 120 }))
await welcome(sender, ' Ada ')
await sender.drain()
received.sort()
assert.deepEqual(received, ['120 paid', `Ada has free since ${new Date().toISOString().slice(0, 4)}`])
console.log(received.join(', '))

await sender.stop()
server.close()
server.closeAllConnections()
await folder.remove()
