// Does what two customers would do on the page, over HTTP.

import assert from 'node:assert/strict'
import { verify } from 'hookferry/verify'
import { startReceiver } from '../support/receiver.ts'
import { scratch } from '../support/scratch.ts'
import { startService } from '../support/service.ts'
import { until } from '../support/until.ts'

const folder = await scratch()
const receiver = await startReceiver(200, '<script>alert("thanks")</script>')
const service = await startService(new URL('server.ts', import.meta.url), {
  WEBHOOKS_DB: folder.path('webhooks.db'),
  PORT: '0',
})
const root = new URL(service.ready.split(' ')[0] ?? '').origin

/** A browser in which `customer` is signed in. */
function browserOf(customer: string, more: Record<string, string> = {}) {
  const authorization = `Basic ${Buffer.from(`${customer}:${customer}-password`).toString('base64')}`
  const visit = async (path: string, form?: Record<string, string>) => {
    const response = await fetch(root + path, {
      method: form === undefined ? 'GET' : 'POST',
      headers: { authorization, 'sec-fetch-site': 'same-origin', ...more },
      ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
    })
    return { status: response.status, path: response.url.slice(root.length), html: await response.text() }
  }
  return { open: (path: string) => visit(path), press: (path: string, form = {}) => visit(path, form) }
}

const linkIn = (html: string, kind: 'endpoints' | 'deliveries'): string | undefined =>
  new RegExp(`/webhooks/${kind}/[\\w-]+`).exec(html)?.[0]

const acme = browserOf('acme')
const globex = browserOf('globex')

// Nobody is let in without a password, and no other site presses the buttons.
assert.equal((await fetch(`${root}/webhooks`)).status, 401)
assert.equal((await browserOf('acme', { 'sec-fetch-site': 'cross-site' }).press('/webhooks/endpoints')).status, 403)

// What can't be delivered to is refused, and told.
for (const [url, told] of [
  ['', 'We cannot deliver to this URL'],
  ['gopher://"><b>', 'We cannot deliver to this URL'],
  ['https://user:password@example.com/', 'We cannot deliver to this URL'],
  ['https://10.0.0.7/', 'this one is not public'],
] as const) {
  const { status, html } = await acme.press('/webhooks/endpoints', { url, eventTypes: 'invoice.paid' })
  assert.equal(status, 422, url)
  assert.ok(html.includes(told), html)
  assert.ok(html.includes('value="invoice.paid" checked'), 'what was ticked stays ticked')
  assert.ok(!html.includes('<b>'), 'what was typed is text')
}

// The secret is shown once.
const added = await acme.press('/webhooks/endpoints', { url: receiver.url, eventTypes: 'invoice.paid' })
assert.equal(added.status, 201)
const [secret] = /whsec_[\w+/=]+/.exec(added.html) ?? []
assert.ok(secret !== undefined)
const endpoint = linkIn(added.html, 'endpoints') ?? ''
for (const path of ['/webhooks', endpoint]) assert.ok(!(await acme.open(path)).html.includes('whsec_'))

// A test event comes at once, whatever it is that the endpoint wants, and nothing of it is kept.
const test = await acme.press(`${endpoint}/test`)
assert.ok(test.html.includes('Test: delivered'))
assert.ok(test.html.includes('Your server answered with 200'))
assert.ok(receiver.requests[0]?.body.includes('webhook.test'))
assert.equal(linkIn((await acme.open(endpoint)).html, 'deliveries'), undefined)

/** The newest delivery of the endpoint, once it is in that state. */
const delivery = (state: string) =>
  until(async () => {
    const { html } = await acme.open(endpoint)
    return html.includes(`<td>${state}</td>`) && linkIn(html, 'deliveries')
  })

// An invoice is paid, twice by mistake: one delivery, and the answer that came back, as text.
for (let click = 1; click <= 2; click++) assert.equal((await acme.press('/invoices/inv_1/pay')).status, 202)
const first = await acme.open(await delivery('delivered'))
assert.equal(receiver.count, 2)
assert.ok(first.html.includes('Attempt 1: delivered'))
assert.ok(first.html.includes('&quot;invoice&quot;:&quot;inv_1&quot;'), 'what was sent')
assert.ok(first.html.includes('&lt;script&gt;alert(&quot;thanks&quot;)'), 'what came back')
assert.ok(!first.html.includes('<script>'))

// A new secret, beside which the former one lasts for a day: a receiver that has either verifies.
const [rotated] = /whsec_[\w+/=]+/.exec((await acme.press(`${endpoint}/secret`)).html) ?? []
assert.ok(rotated !== undefined && rotated !== secret)
await acme.press(`${endpoint}/test`)
const signed = receiver.requests.at(-1)
assert.ok(signed)
for (const known of [secret, rotated]) assert.equal((await verify(signed, known)).type, 'webhook.test')

// Quiet, then not.
await acme.press(`${endpoint}/pause`)
await acme.press('/invoices/inv_2/pay')
await delivery('held')
assert.equal(receiver.count, 3)
assert.equal((await acme.press(`${endpoint}/enable`)).status, 409)
assert.equal((await acme.press(`${endpoint}/resume`)).path, endpoint)
await until(() => receiver.count === 4)

// The customer's server says that it has gone. It was a mistake: enable, and deliver again what failed.
receiver.status = 410
await acme.press('/invoices/inv_3/pay')
const failed = await delivery('failed')
assert.ok((await acme.open(failed)).html.includes('Your server answered with 410'))
assert.ok((await acme.open(endpoint)).html.includes('<strong>disabled</strong> (gone)'))
receiver.status = 200
await acme.press(`${endpoint}/enable`)
await acme.press(`${failed}/replay`)
await until(async () => (await acme.open(failed)).html.includes('Attempt 2: delivered'))

// To another customer none of it exists.
assert.ok(!(await globex.open('/webhooks')).html.includes(receiver.url))
for (const path of [endpoint, failed, '/webhooks/endpoints/ep_none', '/webhooks/deliveries/a.b']) {
  assert.equal((await globex.open(path)).status, 404, path)
}
const buttons = ['pause', 'resume', 'enable', 'test', 'secret'].map((change) => `${endpoint}/${change}`)
for (const path of [...buttons, `${failed}/replay`]) assert.equal((await globex.press(path)).status, 404, path)

await service.stop()
assert.equal(receiver.count, 6)
console.log(`two customers, ${receiver.count} requests; the page did what it says`)
await receiver.close()
await folder.remove()
