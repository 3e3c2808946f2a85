// Rules of your own, written as functions: which failures to repeat, and which endpoints to keep.

import assert from 'node:assert/strict'
import { createTestSender } from 'hookferry/testing'

const HOUR = 3_600_000
const PATIENT_WITH = new Set(['bigcorp'])

// #region policy
const { sender, clock, transport, requests } = createTestSender({
  retry: {
    decide(attempt, { step }) {
      // These will not change by being asked again.
      if (attempt.status === 400 || attempt.status === 422) return 'fail'
      // The first retry of a timeout soon, the others by the schedule.
      if (attempt.outcome === 'timed_out' && step === 0) return { delayMs: 1_000 }
      return 'default'
    },
  },
  disable: {
    decide({ tenant, failures }) {
      if (PATIENT_WITH.has(tenant)) return 'keep'
      return failures >= 5 ? 'disable' : 'default'
    },
  },
})
// #endregion

const url = 'https://customer.example/webhooks'
const until = () => new Date(clock.now() + 100 * HOUR)

const shop = sender.forTenant('shop')
const shopEndpoint = await shop.endpoints.create({ url })
transport.reply(422)
await shop.send({ type: 'invoice.paid', data: { invoice: 'inv_1' } })
await sender.drain({ until: until() })
const [refused] = (await shop.deliveries.list()).items
assert.deepEqual([refused?.reason, refused?.attemptCount], ['retry_refused', 1])

transport.reply('hang')
const before = requests.length
await shop.send({ type: 'invoice.paid', data: { invoice: 'inv_2' } })
await sender.drain({ until: until() })
const [first, second] = requests.slice(before)
// The deadline of 15 s, then the second that was asked for.
assert.equal(second!.at - first!.at, 16_000)
// The fifth failure since the last success: one from inv_1, four from inv_2, which is held from then on.
assert.equal(requests.length - before, 4)
assert.equal((await shop.endpoints.get(shopEndpoint.id))?.state, 'disabled')

const bigcorp = sender.forTenant('bigcorp')
const kept = await bigcorp.endpoints.create({ url })
transport.reply(500)
for (let invoice = 1; invoice <= 5; invoice++) await bigcorp.send({ type: 'invoice.paid', data: { invoice } })
const { attempts } = await sender.drain({ until: until() })
assert.equal(attempts, 50)
assert.equal((await bigcorp.endpoints.get(kept.id))?.state, 'active')
console.log(`shop's endpoint was disabled after 5 failures, bigcorp's kept through ${attempts}`)

await sender.stop()
