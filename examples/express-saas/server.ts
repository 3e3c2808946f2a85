// npx tsx examples/express-saas/server.ts, then open the page that it names.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createWebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { createApp } from './app.ts'
import { events } from './events.ts'

const sender = createWebhookSender({
  events,
  storage: sqlite({ path: process.env.WEBHOOKS_DB ?? 'webhooks.db' }),
  // So that a receiver on your own machine can be tried; in production only https and public addresses.
  network: process.env.NODE_ENV === 'production' ? {} : { allowHttp: true, allowRanges: ['127.0.0.0/8', '::1/128'] },
  requireTenant: true,
})
sender.on('error', ({ error, context }) => console.error(context, error))
await sender.start()

const server = createServer(createApp(sender))
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1')
await once(server, 'listening')
console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks (acme, acme-password)`)

process.once('SIGTERM', async () => {
  server.close()
  await once(server, 'close') // requests under way have been answered
  await sender.stop() // attempts under way have ended
})
