import { createWebhookSender, WebhookError } from 'hookferry'
import { memory } from 'hookferry/memory'
import { sqlite } from 'hookferry/sqlite'
import type { Storage } from 'hookferry/storage'
import { createTestSender } from 'hookferry/testing'
import { nodeFetchTransport } from 'hookferry/transports/node-fetch'

const storages: Storage[] = [memory(), sqlite({ path: 'webhooks.db' })]

export async function paid(invoice: string): Promise<string> {
  const sender = createWebhookSender({ storage: sqlite({ path: 'webhooks.db' }), transport: nodeFetchTransport() })
  const { id } = await sender.send({ type: 'invoice.paid', data: { invoice } })
  // @ts-expect-error an event has a type
  await sender.send({ data: { invoice } })
  return id
}

export { createTestSender, storages, WebhookError }
