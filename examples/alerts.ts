// Tell people what they should know: which endpoint is failing, which one was disabled, which delivery was given up.

import assert from 'node:assert/strict'
import { createTestSender } from 'hookferry/testing'

const HOUR = 3_600_000
const told: string[] = []
const email = (tenant: string, text: string) => told.push(`${tenant}: ${text}`)
const { sender, clock, transport } = createTestSender({ disable: { afterMs: 48 * HOUR, minFailures: 10 } })

// #region listen
sender.on('endpoint.failing', ({ tenant, failures }) => {
  email(tenant, `your endpoint has failed ${failures} times; it will be disabled if it goes on like this`)
})
sender.on('endpoint.disabled', ({ tenant, reason }) => {
  email(tenant, `your endpoint was disabled (${reason}); repair it, then enable it`)
})
sender.on('delivery.failed', ({ tenant, deliveryId, reason }) => {
  email(tenant, `delivery ${deliveryId} was given up (${reason})`)
})
// Failures that no call of yours could be told of: a listener that threw, storage that did not answer.
sender.on('error', ({ error, context }) => console.error(context, error))
// #endregion

const { id } = await sender.endpoints.create({ tenant: 'acme', url: 'https://customer.example/webhooks' })
transport.reply(500)
await sender.send({ tenant: 'acme', type: 'invoice.paid', data: { invoice: 'inv_1' } })
await sender.drain({ until: new Date(clock.now() + 100 * HOUR) })
await sender.send({ tenant: 'acme', type: 'invoice.paid', data: { invoice: 'inv_2' } })
await sender.drain()

for (const line of told) console.log(line)
assert.equal(told.filter((line) => line.includes('it will be disabled')).length, 1)
assert.equal(told.filter((line) => line.includes('was disabled (failing)')).length, 1)
assert.equal(told.filter((line) => line.includes('was given up (attempts_exhausted)')).length, 1)

// #region enable
await sender.endpoints.enable(id) // health begins anew, and what was held is delivered
// #endregion
transport.reply(200)
await sender.drain()
assert.equal((await sender.deliveries.list({ tenant: 'acme', state: 'delivered' })).items.length, 1)

await sender.stop()
