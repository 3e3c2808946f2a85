import { createWebhookSender, WebhookError } from 'hookferry'
import { defineEvents, type EventOutput, event } from 'hookferry/events'
import { memory } from 'hookferry/memory'
import { sqlite } from 'hookferry/sqlite'
import type { Storage } from 'hookferry/storage'
import { createTestSender } from 'hookferry/testing'
import { nodeFetchTransport } from 'hookferry/transports/node-fetch'
import { undiciTransport } from 'hookferry/transports/undici'
import { verify } from 'hookferry/verify'

const storages: Storage[] = [memory(), sqlite({ path: 'webhooks.db' })]

export async function paid(invoice: string): Promise<string> {
  const sender = createWebhookSender({ storage: sqlite({ path: 'webhooks.db' }), transport: nodeFetchTransport() })
  const { id } = await sender.send({ type: 'invoice.paid', data: { invoice } })
  // @ts-expect-error an event has a type
  await sender.send({ data: { invoice } })
  return id
}

export const fast = () => createWebhookSender({ storage: memory(), transport: undiciTransport({ keepAliveMs: 1_000 }) })

// Where no package of Standard Schema is installed.
const validate = (value: unknown) => ({ value: new Date(String(value)) })
const events = defineEvents({
  'invoice.paid': event<{ amount: number }>(),
  'invoice.void': event<{ reason: string }>(),
  moment: event({ '~standard': { version: 1, vendor: 'own', validate } }),
})

export async function told(): Promise<EventOutput<typeof events, 'moment'>> {
  const { sender } = createTestSender({ events })
  await sender.send({ type: 'invoice.paid', data: { amount: 1 } })
  // @ts-expect-error the data of another type
  await sender.send({ type: 'invoice.paid', data: { reason: 'none' } })
  return '2026-01-01T00:00:00.000Z'
}

export async function amountOf(request: Request, secret: string): Promise<number> {
  const received = await verify<typeof events>(request, secret)
  // @ts-expect-error not every event has an amount
  received.data.amount
  return received.type === 'invoice.paid' ? received.data.amount : 0
}

export { createTestSender, storages, WebhookError }
