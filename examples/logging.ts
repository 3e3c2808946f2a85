// What goes into your log: give the logger that you have, such as pino.

import assert from 'node:assert/strict'
import { createTestSender } from 'hookferry/testing'
import pino from 'pino'

const HOUR = 3_600_000
const lines: { level: number; hookferry?: string; msg: string; component?: string }[] = []
const destination = { write: (line: string) => lines.push(JSON.parse(line)) }

const settings = {
  // #region logger
  logger: pino({ level: 'debug' }, destination).child({ component: 'webhooks' }),
  // #endregion
}
const { sender, clock, transport } = createTestSender(settings)

await sender.endpoints.create({ url: 'https://customer.example/webhooks' })
transport.reply(503)
await sender.send({ type: 'invoice.paid', data: { invoice: 'inv_1' } })
await sender.drain({ until: new Date(clock.now() + 200 * HOUR) })
await sender.stop()

for (const { level, hookferry, msg } of lines) console.log(level, hookferry, msg)
const of = (what: string) => lines.filter(({ hookferry }) => hookferry === what)
assert.equal(of('attempt').length, 10)
assert.equal(of('delivery.failed').length, 1)
assert.ok(lines.every(({ component }) => component === 'webhooks'))
