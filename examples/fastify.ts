// A Fastify service: the sender starts with it, and stops with it.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import Fastify, { type FastifyPluginAsync } from 'fastify'
import { type AnyWebhookSender, createWebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { startReceiver } from './support/receiver.ts'
import { scratch } from './support/scratch.ts'
import { until } from './support/until.ts'

const folder = await scratch()
const receiver = await startReceiver()

// #region plugin
declare module 'fastify' {
  interface FastifyInstance {
    webhooks: AnyWebhookSender
  }
}

const webhooks: FastifyPluginAsync<{ sender: AnyWebhookSender }> = async (app, { sender }) => {
  app.decorate('webhooks', sender)
  app.addHook('onReady', () => sender.start())
  app.addHook('onClose', () => sender.stop()) // after requests under way have been answered
  sender.on('error', ({ error, context }) => app.log.error(error, context))
}
// What the package fastify-plugin does: the whole app has `app.webhooks`, not only what is registered within the plugin.
Object.assign(webhooks, { [Symbol.for('skip-override')]: true })
// #endregion

// #region app
const app = Fastify()
const sender = createWebhookSender({
  storage: sqlite({ path: folder.path('webhooks.db') }),
  network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] }, // to try it on one machine
})
await app.register(webhooks, { sender })

app.post<{ Params: { id: string } }>('/invoices/:id/pay', async (request, reply) => {
  const { id: invoice } = request.params
  const { id } = await app.webhooks.send({
    type: 'invoice.paid',
    data: { invoice },
    idempotencyKey: `invoice.paid:${invoice}`,
  })
  return reply.code(202).send({ event: id })
})

process.once('SIGTERM', () => app.close())
const address = await app.listen({ port: 0 })
// #endregion

await sender.endpoints.create({ url: receiver.url })
const response = await fetch(`${address}/invoices/inv_1/pay`, { method: 'POST' })
assert.equal(response.status, 202)
await until(() => receiver.count === 1)

const closed = once(app.server, 'close')
process.kill(process.pid, 'SIGTERM')
await closed
await app.close() // the same end, awaited
await assert.rejects(sender.health(), { code: 'stopped' })
console.log('sent by a route, delivered, and stopped with the app')

await receiver.close()
await folder.remove()
