// A change of your data and its webhook in one transaction, with Prisma: both are there, or neither.
// The sender has connections of its own, by pg.

import assert from 'node:assert/strict'
import { PrismaPg } from '@prisma/adapter-pg'
import { createWebhookSender } from 'hookferry'
import { postgres, prismaTx } from 'hookferry/postgres'
import { openShop } from '../support/shop.ts'
import { PrismaClient } from './prisma/client/client.ts'

const shop = await openShop()
const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: shop.url }) })
const sender = createWebhookSender({
  storage: postgres({ connectionString: shop.url }),
  network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
})
await shop.welcomeCustomer(sender)

// #region send
async function pay(invoice: string): Promise<void> {
  await prisma.$transaction(async (tx) => {
    await tx.invoice.update({ where: { id: invoice }, data: { paid: true } })
    await sender.sendIn(prismaTx(tx), { type: 'invoice.paid', data: { invoice } })
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
await prisma.$disconnect()
await shop.close()
