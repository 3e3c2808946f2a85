// A change of your data and its webhook in one transaction, with drizzle: both are there, or neither.

import assert from 'node:assert/strict'
import { eq } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { boolean, pgTable, text } from 'drizzle-orm/pg-core'
import { createWebhookSender } from 'hookferry'
import { drizzleTx, postgres } from 'hookferry/postgres'
import { Pool } from 'pg'
import { openShop } from '../support/shop.ts'

const invoices = pgTable('invoice', { id: text().primaryKey(), paid: boolean().notNull() })

const shop = await openShop()
const pool = new Pool({ connectionString: shop.url })
pool.on('error', console.error) // without it a connection that is lost while idle ends the process
const db = drizzle(pool)
const sender = createWebhookSender({
  storage: postgres({ pool }),
  network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
})
await shop.welcomeCustomer(sender)

// #region send
async function pay(invoice: string): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.update(invoices).set({ paid: true }).where(eq(invoices.id, invoice))
    await sender.sendIn(drizzleTx(tx), { type: 'invoice.paid', data: { invoice } })
    await refuseSome(invoice)
  })
}
// #endregion

async function refuseSome(invoice: string): Promise<void> {
  if (invoice === 'inv_2') throw new Error('refused by the bank')
}

await pay('inv_1')
await assert.rejects(pay('inv_2'), /refused by the bank/)
await shop.check(sender)

await sender.stop()
await pool.end()
await shop.close()
