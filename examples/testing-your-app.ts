// Your own code, tested against a sender in virtual time: no socket, no file, no waiting.
// biome-ignore-all assist/source/organizeImports: imports stand in the region that needs them

// #region test
import assert from 'node:assert/strict'
import { createTestSender } from 'hookferry/testing'

// #endregion
import type { AnyTenantSender } from 'hookferry'
import { verify } from 'hookferry/verify'

/** Code of an application: it gets its sender as an argument, so that a test can give it another one. */
async function payInvoice(webhooks: AnyTenantSender, invoice: string): Promise<void> {
  await webhooks.send({ type: 'invoice.paid', data: { invoice }, idempotencyKey: `invoice.paid:${invoice}` })
}

const HOUR = 3_600_000
const began = performance.now()

// #region test
const hooks = createTestSender()
const { sender, clock, transport, assertSent } = hooks
await sender.endpoints.create({ url: 'https://customer.example/webhooks' })

await payInvoice(sender, 'inv_1') // your own code, which is given its sender
await sender.drain() // delivers what is due now
assertSent('invoice.paid', { invoice: 'inv_1' })

// A customer's server that is down: all ten attempts, over more than three days, in a moment.
transport.reply({ fail: 'refused' })
await payInvoice(sender, 'inv_2')
const { attempts } = await sender.drain({ until: new Date(clock.now() + 100 * 3_600_000) })
assert.equal(attempts, 10)

const [delivery] = (await sender.deliveries.list({ state: 'failed' })).items
assert.equal(delivery?.reason, 'attempts_exhausted')
// #endregion

// #region requests
const { requests, sent } = hooks
const [first] = requests
assert.deepEqual(first?.json, {
  type: 'invoice.paid',
  timestamp: '2026-01-01T00:00:00.000Z',
  data: { invoice: 'inv_1' },
})
assert.deepEqual(
  sent('invoice.paid').map(({ attempt }) => attempt),
  [1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
)
// #endregion

// #region verify
const { secret } = await sender.endpoints.create({ url: 'https://receiver.example/' })
transport.reply(200)
await payInvoice(sender, 'inv_3')
await sender.drain()
const received = requests.find(({ url }) => url === 'https://receiver.example/')
assert.ok(received)
const webhook = await verify(received, secret, { now: () => received.at })
assert.equal(webhook.type, 'invoice.paid')
// #endregion

const hours = (requests[10]!.at - requests[1]!.at) / HOUR
assert.ok(hours > 55 && hours < 95, `the attempts lasted for ${hours} h`)
console.log(`${hours.toFixed(1)} hours of retries in ${(performance.now() - began).toFixed(0)} ms`)

await sender.stop()
