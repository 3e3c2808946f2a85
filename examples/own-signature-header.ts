// Customers verify a header of your own today: it goes on, beside Standard Webhooks, until each of them has changed over.

import assert from 'node:assert/strict'
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createWebhookSender, hmacHeader, type SigningScheme, standardWebhooks } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { verify } from 'hookferry/verify'
import Stripe from 'stripe'
import { type ReceivedRequest, startReceiver } from './support/receiver.ts'
import { scratch } from './support/scratch.ts'
import { until } from './support/until.ts'

const folder = await scratch()
const receiver = await startReceiver()

// #region github
const github = hmacHeader({ header: 'X-Hub-Signature-256', prefix: 'sha256=' })
// #endregion

// #region shopify
const shopify = hmacHeader({ header: 'X-Shopify-Hmac-SHA256', encoding: 'base64' })
// #endregion

// #region stripe
const stripe = hmacHeader({
  header: 'Stripe-Signature',
  prefix: 't={timestamp},v1=',
  content: '{timestamp}.{body}',
  separator: ',v1=', // while two secrets overlap both sign
})
// #endregion

// #region own-scheme
/** Slack's form has its timestamp in a header of its own: a scheme is an object with a name, its headers and `sign`. */
const slack: SigningScheme = {
  name: 'slack',
  headers: ['x-slack-signature', 'x-slack-request-timestamp'],
  sign({ timestampSeconds, body, secrets }) {
    const oldest = secrets.at(-1) ?? ''
    const mac = createHmac('sha256', Buffer.from(oldest.slice('whsec_'.length), 'base64'))
    const signature = mac.update(`v0:${timestampSeconds}:`).update(body).digest('hex')
    return { 'x-slack-signature': `v0=${signature}`, 'x-slack-request-timestamp': String(timestampSeconds) }
  },
}
// #endregion

// #region sender
const sender = createWebhookSender({
  storage: sqlite({ path: folder.path('webhooks.db') }),
  signing: [standardWebhooks(), github, shopify, stripe, slack], // yours and the standard will do
  network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] }, // to try it on one machine; leave it out in production
})
// #endregion
await sender.start()

// #region create
// The text itself is the key, as the system of before used it.
const text = "It's a Secret to Everybody"
const { id, secret } = await sender.endpoints.create({ url: receiver.url, secret: { bytes: Buffer.from(text) } })
// #endregion

async function received(): Promise<ReceivedRequest> {
  const before = receiver.requests.length
  await sender.send({ type: 'invoice.paid', data: { invoice: 'inv_1' } })
  return until(() => receiver.requests[before])
}

// What customers have in their code: each header verifies by the text that they were given.
const { headers, body } = await received()
const mac = createHmac('sha256', text).update(body)
const expected = Buffer.from(`sha256=${mac.digest('hex')}`)
assert.ok(timingSafeEqual(Buffer.from(String(headers['x-hub-signature-256'])), expected))
assert.equal(headers['x-shopify-hmac-sha256'], createHmac('sha256', text).update(body).digest('base64'))
assert.ok(Stripe.webhooks.constructEvent(body, String(headers['stripe-signature']), text))
const base = `v0:${headers['x-slack-request-timestamp']}:${body}`
assert.equal(headers['x-slack-signature'], `v0=${createHmac('sha256', text).update(base).digest('hex')}`)
console.log('the old headers verify as before')

// What they change over to, with the same key in the standard's writing.
assert.equal((await verify({ headers, body }, secret)).type, 'invoice.paid')
console.log('and so does Standard Webhooks')

// #region change-over
// This customer verifies Standard Webhooks by now.
await sender.endpoints.update(id, { signing: ['standard-webhooks'] })
// #endregion
const after = await received()
assert.equal(after.headers['x-hub-signature-256'], undefined)
assert.equal((await verify(after, secret)).type, 'invoice.paid')
console.log('the old headers are gone for the customer who no longer needs them')

await sender.stop()
await receiver.close()
await folder.remove()
