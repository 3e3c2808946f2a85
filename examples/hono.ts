// A Hono service that sends, and one that receives.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { createWebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { type Verified, verify } from 'hookferry/verify'
import { scratch } from './support/scratch.ts'
import { isStopped, until } from './support/until.ts'

const folder = await scratch()
const received: Verified[] = []
let secret = ''

// #region receive
const customer = new Hono()

customer.post('/webhooks', async (context) => {
  try {
    received.push(await verify(context.req.raw, secret)) // the request as it came: what was parsed has another signature
    return context.body(null, 204)
  } catch {
    return context.body(null, 400)
  }
})
// #endregion

const customerServer = serve({ fetch: customer.fetch, hostname: '127.0.0.1', port: 0 })
await once(customerServer, 'listening')
const url = `http://127.0.0.1:${(customerServer.address() as AddressInfo).port}/webhooks`

// #region send
const sender = createWebhookSender({
  storage: sqlite({ path: folder.path('webhooks.db') }),
  network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] }, // to try it on one machine
})
await sender.start()

const shop = new Hono()
shop.post('/invoices/:id/pay', async (context) => {
  const invoice = context.req.param('id')
  const idempotencyKey = `invoice.paid:${invoice}`
  const { id } = await sender.send({ type: 'invoice.paid', data: { invoice }, idempotencyKey })
  return context.json({ event: id }, 202)
})

const server = serve({ fetch: shop.fetch, hostname: '127.0.0.1', port: 0 })

process.once('SIGTERM', async () => {
  server.close()
  await once(server, 'close')
  await sender.stop()
})
// #endregion

await once(server, 'listening')
;({ secret } = await sender.endpoints.create({ url }))
const pay = `http://127.0.0.1:${(server.address() as AddressInfo).port}/invoices/inv_1/pay`
assert.equal((await fetch(pay, { method: 'POST' })).status, 202)
await until(() => received.length === 1)
assert.equal((await fetch(url, { method: 'POST', body: '{}' })).status, 400)

process.kill(process.pid, 'SIGTERM')
await until(() => isStopped(sender))
console.log('sent by one, received and verified by the other:', received[0]?.data)

customerServer.close()
await folder.remove()
