// Calls the route handlers as Next.js would. Next.js itself is not needed: they take a Request and return a Response.

import assert from 'node:assert/strict'
import { startDatabase } from '../support/database.ts'
import { startReceiver } from '../support/receiver.ts'

const database = await startDatabase()
const receiver = await startReceiver()
process.env.DATABASE_URL = database.url
process.env.CRON_SECRET = 'a-secret-of-the-platform'

const invoices = await import('./app/api/invoices/route.ts')
const cron = await import('./app/api/cron/webhooks/route.ts')
const { webhooks } = await import('./lib/webhooks.ts')
await webhooks().endpoints.create({ url: receiver.url })

const pay = (invoice: string) =>
  invoices.POST(new Request('https://shop.example/api/invoices', { method: 'POST', body: JSON.stringify({ invoice }) }))
const tick = (authorization: string) =>
  cron.GET(new Request('https://shop.example/api/cron/webhooks', { headers: { authorization } }))

// Accepted by one function, delivered by another, and nothing in between.
assert.equal((await pay('inv_1')).status, 202)
assert.equal((await pay('inv_1')).status, 202)
assert.equal(receiver.count, 0)
assert.equal((await tick('Bearer guessed')).status, 401)

const first = await tick('Bearer a-secret-of-the-platform')
assert.deepEqual(await first.json(), { attempts: 1, nextDueAt: null })
assert.equal(receiver.count, 1)

// A failure is tried again by the tick in whose time it falls due.
receiver.status = 500
await pay('inv_2')
const second = (await (await tick('Bearer a-secret-of-the-platform')).json()) as { attempts: number; nextDueAt: string }
assert.equal(second.attempts, 1)
assert.ok(Date.parse(second.nextDueAt) > Date.now() + 2_000)

// Two ticks at once share one run.
receiver.status = 200
await pay('inv_3')
const both = await Promise.all([1, 2].map(() => tick('Bearer a-secret-of-the-platform')))
for (const { status } of both) assert.equal(status, 200)
const { items } = await webhooks().deliveries.list()
assert.deepEqual(
  items.map(({ state }) => state),
  ['delivered', 'pending', 'delivered'],
)
console.log(`${receiver.count} requests, by functions that nobody kept running`)

await webhooks().stop()
await receiver.close()
await database.remove()
