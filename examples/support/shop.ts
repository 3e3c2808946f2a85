import assert from 'node:assert/strict'
import type { WebhookSender } from 'hookferry'
import { Client } from 'pg'
import { startDatabase } from './database.ts'
import { startReceiver } from './receiver.ts'

/** Whatever its storage. */
type Sender = Pick<WebhookSender, 'endpoints' | 'deliveries' | 'drain'>

/** A shop with two unpaid invoices in Postgres, and a customer who wants to hear of payments. */
export interface Shop {
  url: string
  /** Tells the sender of the customer. */
  welcomeCustomer(sender: Sender): Promise<void>
  /** inv_1 is paid and its webhook has come, once; inv_2 was rolled back, and its webhook with it. */
  check(sender: Sender): Promise<void>
  close(): Promise<void>
}

export async function openShop(): Promise<Shop> {
  const database = await startDatabase()
  const customer = await startReceiver()
  const client = new Client({ connectionString: database.url })
  await client.connect()
  await client.query('CREATE TABLE invoice (id text PRIMARY KEY, paid boolean NOT NULL DEFAULT false)')
  await client.query(`INSERT INTO invoice (id) VALUES ('inv_1'), ('inv_2')`)
  return {
    url: database.url,
    async welcomeCustomer(sender) {
      await sender.endpoints.create({ url: customer.url, eventTypes: ['invoice.*'] })
    },
    async check(sender) {
      await sender.drain()
      const { rows } = await client.query('SELECT id FROM invoice WHERE paid')
      assert.deepEqual(rows, [{ id: 'inv_1' }])
      const { items } = await sender.deliveries.list()
      assert.deepEqual([items.length, items[0]?.state, customer.count], [1, 'delivered', 1])
      console.log('paid, and told:', rows[0]?.id)
    },
    async close() {
      await client.end()
      await customer.close()
      await database.remove()
    },
  }
}
