// A change of your data and its webhook in one transaction, with kysely: both are there, or neither.

import assert from 'node:assert/strict'
import { createWebhookSender } from 'hookferry'
import { kyselyTx, postgres } from 'hookferry/postgres'
import { Kysely, PostgresDialect } from 'kysely'
import { Pool } from 'pg'
import { openShop } from '../support/shop.ts'

interface Tables {
  invoice: { id: string; paid: boolean }
}

const shop = await openShop()
const pool = new Pool({ connectionString: shop.url })
pool.on('error', console.error) // without it a connection that is lost while idle ends the process
const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
const sender = createWebhookSender({
  storage: postgres({ pool }),
  network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
})
await shop.welcomeCustomer(sender)

// #region send
async function pay(invoice: string): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await trx.updateTable('invoice').set({ paid: true }).where('id', '=', invoice).execute()
    await sender.sendIn(kyselyTx(trx), { type: 'invoice.paid', data: { invoice } })
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
await db.destroy()
await shop.close()
