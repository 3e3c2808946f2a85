// A change of your data and its webhook in one transaction, with better-sqlite3: both are there, or neither.
// Your tables and the sender's live in one file; each has a connection of its own.

import assert from 'node:assert/strict'
import Database from 'better-sqlite3'
import { createWebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { startReceiver } from '../support/receiver.ts'
import { scratch } from '../support/scratch.ts'

const folder = await scratch()
const path = folder.path('shop.db')
const customer = await startReceiver()
const sender = createWebhookSender({
  storage: sqlite({ path }),
  network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
})

// #region send
await sender.health() // once at start-up: makes the sender's tables

const db = new Database(path)
db.pragma('synchronous = FULL') // the event is as safe as your commit, and better-sqlite3 begins below that
db.exec('CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, amount INTEGER NOT NULL CHECK (amount > 0)) STRICT')

const placeOrder = db.transaction((order: { id: string; amount: number }) => {
  const { id } = sender.sendIn(db, { type: 'order.placed', data: order })
  db.prepare('INSERT INTO orders (id, amount) VALUES (?, ?)').run(order.id, order.amount)
  return id
})
// #endregion

await sender.endpoints.create({ url: customer.url })
const delivered = new Promise<{ eventId: string }>((resolve) => sender.on('delivery.delivered', resolve))
await sender.start()

// Immediate: it waits for other writers when it begins, and does not fail half-way because of one.
const eventId = placeOrder.immediate({ id: 'ord_1', amount: 100 })
assert.throws(() => placeOrder.immediate({ id: 'ord_2', amount: 0 }), /CHECK constraint failed/)

assert.equal((await delivered).eventId, eventId)
// Of the order that was refused there is no event either.
assert.equal((await sender.events.list()).items.length, 1)
assert.deepEqual(db.prepare('SELECT id FROM orders').all(), [{ id: 'ord_1' }])
assert.equal(customer.count, 1)
console.log('order ord_1 was placed and its webhook delivered; of ord_2 there is neither')

await sender.stop()
db.close()
await customer.close()
await folder.remove()
