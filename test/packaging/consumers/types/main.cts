import { createWebhookSender, WebhookError } from 'hookferry'
import { defineEvents, event } from 'hookferry/events'
import { memory } from 'hookferry/memory'
import { sqlite } from 'hookferry/sqlite'
import type { Storage } from 'hookferry/storage'
import { createTestSender } from 'hookferry/testing'
import { nodeFetchTransport } from 'hookferry/transports/node-fetch'
import { verify } from 'hookferry/verify'

const storages: Storage[] = [memory(), sqlite({ path: 'webhooks.db' })]

export async function paid(invoice: string): Promise<string> {
  const sender = createWebhookSender({ storage: sqlite({ path: 'webhooks.db' }), transport: nodeFetchTransport() })
  const { id } = await sender.send({ type: 'invoice.paid', data: { invoice } })
  // @ts-expect-error an event has a type
  await sender.send({ data: { invoice } })
  return id
}

const events = defineEvents({
  'invoice.paid': event<{ amount: number }>(),
  'invoice.void': event<{ reason: string }>(),
})

export async function amountOf(request: Request, secret: string): Promise<number> {
  const received = await verify<typeof events>(request, secret)
  // @ts-expect-error not every event has an amount
  received.data.amount
  return received.type === 'invoice.paid' ? received.data.amount : 0
}

export { createTestSender, storages, WebhookError }
