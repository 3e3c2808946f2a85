// A change of your data and its webhook in one transaction, with the package postgres: both are there, or neither.
// The sender has connections of its own, by pg.

import assert from 'node:assert/strict'
import { createWebhookSender } from 'hookferry'
import { postgres, postgresJsTx } from 'hookferry/postgres'
import connect from 'postgres'
import { openShop } from '../support/shop.ts'

const shop = await openShop()
const sql = connect(shop.url)
const sender = createWebhookSender({
  storage: postgres({ connectionString: shop.url }),
  network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
})
await shop.welcomeCustomer(sender)

// #region send
async function pay(invoice: string): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`UPDATE invoice SET paid = true WHERE id = ${invoice}`
    await sender.sendIn(postgresJsTx(tx), { type: 'invoice.paid', data: { invoice } })
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
await sql.end()
await shop.close()
