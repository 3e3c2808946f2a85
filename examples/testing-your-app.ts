// Your own code, tested against a sender in virtual time: no socket, no file, no waiting.

import assert from 'node:assert/strict'
import type { TenantSender } from 'hookferry'
import { createTestSender } from 'hookferry/testing'

/** Code of an application: it gets its sender as an argument, so that a test can give it another one. */
async function payInvoice(webhooks: TenantSender, invoice: string): Promise<void> {
  await webhooks.send({ type: 'invoice.paid', data: { invoice }, idempotencyKey: `invoice.paid:${invoice}` })
}

const HOUR = 3_600_000
const began = performance.now()

// #region test
const { sender, clock, transport, requests } = createTestSender()
await sender.endpoints.create({ url: 'https://customer.example/webhooks' })

await payInvoice(sender, 'inv_1')
await sender.drain() // delivers what is due now
assert.equal(requests.length, 1)
assert.deepEqual(requests[0]?.json, {
  type: 'invoice.paid',
  timestamp: '2026-01-01T00:00:00.000Z',
  data: { invoice: 'inv_1' },
})

// A customer's server that is down: all ten attempts, over more than three days, in a moment.
transport.reply({ fail: 'refused' })
await payInvoice(sender, 'inv_2')
const { attempts } = await sender.drain({ until: new Date(clock.now() + 100 * HOUR) })
assert.equal(attempts, 10)

const [delivery] = (await sender.deliveries.list({ state: 'failed' })).items
assert.equal(delivery?.reason, 'attempts_exhausted')
// #endregion

const hours = (requests.at(-1)!.at - requests[1]!.at) / HOUR
assert.ok(hours > 55 && hours < 95, `the attempts lasted for ${hours} h`)
console.log(`${hours.toFixed(1)} hours of retries in ${(performance.now() - began).toFixed(0)} ms`)

await sender.stop()
