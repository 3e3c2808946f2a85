// Runs where no driver is installed.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { createWebhookSender } from 'hookferry'
import { defineEvents, event } from 'hookferry/events'
import { memory } from 'hookferry/memory'
import { postgres } from 'hookferry/postgres'
import { undiciTransport } from 'hookferry/transports/undici'
import { verify } from 'hookferry/verify'

const require = createRequire(import.meta.url)
assert.throws(() => require.resolve('better-sqlite3'))

const inMemory = createWebhookSender({ storage: memory(), events: defineEvents({ 'invoice.paid': event() }) })
await inMemory.send({ type: 'invoice.paid', data: {} })
await inMemory.stop()

const onPostgres = createWebhookSender({ storage: postgres({ connectionString: 'postgres://localhost' }) })
await assert.rejects(onPostgres.send({ type: 'invoice.paid', data: {} }), { code: 'driver_missing' })
await onPostgres.stop()

for (const create of [createWebhookSender, require('hookferry').createWebhookSender]) {
  const sender = create()
  await assert.rejects(sender.send({ type: 'invoice.paid', data: {} }), { code: 'driver_missing' })
  await sender.stop()
}

for (const create of [undiciTransport, require('hookferry/transports/undici').undiciTransport]) {
  assert.throws(() => create(), { code: 'driver_missing' })
}

for (const entry of [{ verify }, require('hookferry/verify')]) {
  await assert.rejects(entry.verify({ headers: {}, body: '' }, ''), { code: 'secret_invalid' })
}
