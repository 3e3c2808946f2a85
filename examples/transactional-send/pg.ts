// A change of your data and its webhook in one transaction, with pg: both are there, or neither.

import assert from 'node:assert/strict'
import { createWebhookSender } from 'hookferry'
import { postgres } from 'hookferry/postgres'
import { Pool } from 'pg'
import { openShop } from '../support/shop.ts'

const shop = await openShop()
const pool = new Pool({ connectionString: shop.url })
pool.on('error', console.error) // without it a connection that is lost while idle ends the process
const sender = createWebhookSender({
  storage: postgres({ pool }),
  network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
})
await shop.welcomeCustomer(sender)

// #region send
async function pay(invoice: string): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await client.query('UPDATE invoice SET paid = true WHERE id = $1', [invoice])
    await sender.sendIn(client, { type: 'invoice.paid', data: { invoice } })
    await refuseSome(invoice)
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
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
