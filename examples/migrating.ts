// From a sender that grew at home to hookferry, customer by customer: their endpoints and secrets come along, and receivers that
// verify the old header notice nothing.

import assert from 'node:assert/strict'
import { createHmac, timingSafeEqual } from 'node:crypto'
import Database from 'better-sqlite3'
import { createWebhookSender, hmacHeader, standardWebhooks } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { verify } from 'hookferry/verify'
import { type ReceivedRequest, startReceiver } from './support/receiver.ts'
import { scratch } from './support/scratch.ts'
import { until } from './support/until.ts'

const DAY = 86_400_000
const folder = await scratch()
const receiver = await startReceiver()
const other = await startReceiver()

// What there is today: a table, and a function that signs with a header of its own, tries once, and hopes.

interface FormerEndpoint {
  id: string
  customer: string
  url: string
  secret: string
  /** `*`, or types set apart by commas. */
  events: string
}

const db = new Database(folder.path('shop.db'))
db.exec('CREATE TABLE endpoint (id TEXT PRIMARY KEY, customer TEXT, url TEXT, secret TEXT, events TEXT) STRICT')
const endpointsOf = db.prepare<[string], FormerEndpoint>('SELECT * FROM endpoint WHERE customer = ?')

const bodyOf = (type: string, payload: object) => Buffer.from(JSON.stringify({ event: type, payload }))
const signatureOf = (body: Uint8Array, secret: string) =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`

async function formerSend(customer: string, type: string, body: Buffer<ArrayBuffer>): Promise<void> {
  for (const { url, secret, events } of endpointsOf.all(customer)) {
    if (events !== '*' && !events.split(',').includes(type)) continue
    const headers = {
      'content-type': 'application/json',
      'x-shop-event': type,
      'x-shop-signature': signatureOf(body, secret),
    }
    await fetch(url, { method: 'POST', headers, body }).catch(() => {})
  }
}

// #region sender
const sender = createWebhookSender({
  storage: sqlite({ path: folder.path('webhooks.db') }),
  network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] }, // to try it on one machine; leave it out in production
  signing: [
    hmacHeader({ header: 'X-Shop-Signature', prefix: 'sha256=' }), // what receivers verify today
    standardWebhooks(), // what they can change over to, each when it likes
  ],
})
// #endregion
await sender.start()

// #region notify
/** Since when a customer's webhooks are sent by hookferry; not in it: not yet. It stands for a column in your table of customers. */
const changedOver = new Map<string, Date>()

/** The only place from which webhooks are sent. */
async function notify(customer: string, type: string, payload: object, idempotencyKey: string): Promise<void> {
  const body = bodyOf(type, payload) // byte for byte as it was
  if (!changedOver.has(customer)) return formerSend(customer, type, body)
  const headers = { 'x-shop-event': type }
  await sender.send({ tenant: customer, type, body, contentType: 'application/json', headers, idempotencyKey })
}
// #endregion

// #region import
/** Takes over a customer's endpoints, and returns those that can't be, and why. It may be run again. */
async function takeOver(customer: string): Promise<{ id: string; code: unknown }[]> {
  const webhooks = sender.forTenant(customer)
  const there = new Set<string | undefined>()
  let cursor: string | null = null
  do {
    const page = await webhooks.endpoints.list({ cursor })
    for (const { metadata } of page.items) there.add(metadata.formerId)
    cursor = page.nextCursor
  } while (cursor !== null)
  const refused: { id: string; code: unknown }[] = []
  for (const { id, url, secret, events } of endpointsOf.all(customer)) {
    if (there.has(id)) continue
    // The former sender took the text itself as the key. If yours decodes it first, from hex or base64, so must this.
    const bytes = Buffer.from(secret)
    try {
      const endpoint = await webhooks.endpoints.create({
        url,
        eventTypes: events === '*' ? null : events.split(','),
        secret: { bytes },
        // Standard Webhooks asks for 24 to 64 bytes. Another secret signs the old header alone, until it is rotated.
        signing: bytes.length < 24 || bytes.length > 64 ? ['x-shop-signature'] : null,
        metadata: { formerId: id },
      })
      // An endpoint that comes late, such as one whose URL was refused at first, gets what it has missed since then.
      const since = changedOver.get(customer)
      if (since !== undefined) await webhooks.backfill({ endpointId: endpoint.id, since })
    } catch (error) {
      refused.push({ id, code: error instanceof Error && 'code' in error ? error.code : error })
    }
  }
  return refused
}
// #endregion

const secrets = { long: 'a-secret-of-the-old-days-with-32-characters', short: 'hunter2!' }
const insert = db.prepare('INSERT INTO endpoint VALUES (?, ?, ?, ?, ?)')
insert.run('1', 'acme', receiver.url, secrets.long, '*')
insert.run('2', 'acme', other.url, secrets.short, 'invoice.paid,invoice.sent')
insert.run('3', 'acme', 'https://10.0.0.9/webhooks', secrets.long, '*')

/** What the customers' servers have done all these years. */
function acceptsAsEver(request: ReceivedRequest | undefined, secret: string): boolean {
  assert.ok(request)
  const given = Buffer.from(String(request.headers['x-shop-signature']))
  return timingSafeEqual(given, Buffer.from(signatureOf(request.body, secret)))
}

await notify('acme', 'invoice.paid', { invoice: 'inv_1' }, 'invoice.paid:inv_1')
assert.deepEqual(await takeOver('acme'), [{ id: '3', code: 'endpoint_address_blocked' }])
assert.deepEqual((await takeOver('acme')).length, 1) // again: nothing is there twice
assert.equal((await sender.endpoints.list({ tenant: 'acme' })).items.length, 2)
changedOver.set('acme', new Date())
await notify('acme', 'invoice.paid', { invoice: 'inv_2' }, 'invoice.paid:inv_2')
await until(() => receiver.count === 2 && other.count === 2)

for (const [server, secret] of [
  [receiver, secrets.long],
  [other, secrets.short],
] as const) {
  const [before, after] = server.requests
  for (const request of [before, after]) assert.ok(acceptsAsEver(request, secret))
  assert.equal(before?.body.toString().replace('inv_1', 'inv_2'), after?.body.toString())
  for (const name of ['content-type', 'x-shop-event']) assert.equal(before?.headers[name], after?.headers[name])
}

// Whoever likes verifies by Standard Webhooks from now on, with the same key, written as it is written there.
const [, toLong] = receiver.requests
assert.ok(toLong)
const verified = await verify(toLong, `whsec_${Buffer.from(secrets.long).toString('base64')}`)
assert.deepEqual(JSON.parse(Buffer.from(verified.body).toString()), {
  event: 'invoice.paid',
  payload: { invoice: 'inv_2' },
})
assert.equal(other.requests[1]?.headers['webhook-signature'], undefined)

// The customer has given another URL for the third one, and has missed nothing since the change-over.
const third = await startReceiver()
db.prepare('UPDATE endpoint SET url = ? WHERE id = ?').run(third.url, '3')
assert.deepEqual(await takeOver('acme'), [])
await until(() => third.count === 1)
assert.ok(acceptsAsEver(third.requests[0], secrets.long))
assert.ok(third.requests[0]?.body.includes('inv_2'))

// The one with the short secret changes over. Meanwhile both of its receivers' versions are signed for.
const [second] = (await sender.endpoints.list({ tenant: 'acme' })).items.filter(({ url }) => url === other.url)
assert.ok(second)
const acme = sender.forTenant('acme')
// #region rotate
const { secret } = await acme.endpoints.rotateSecret(second.id, { overlapMs: 7 * DAY }) // 32 bytes: long enough
await acme.endpoints.update(second.id, { signing: null }) // by the standard, too, from now on
// #endregion
await notify('acme', 'invoice.paid', { invoice: 'inv_3' }, 'invoice.paid:inv_3')
const changed = await until(() => other.requests[2])
assert.ok(acceptsAsEver(changed, secrets.short))
await verify(changed, secret)

// And when it needs the old header no more, it does without.
// #region done
await acme.endpoints.update(second.id, { signing: ['standard-webhooks'] })
// #endregion
await notify('acme', 'invoice.paid', { invoice: 'inv_4' }, 'invoice.paid:inv_4')
const last = await until(() => other.requests[3])
assert.equal(last.headers['x-shop-signature'], undefined)
await verify(last, secret)

console.log('taken over; the old header is verified as ever, and the new one as well')

await sender.stop()
db.close()
await receiver.close()
await other.close()
await third.close()
await folder.remove()
