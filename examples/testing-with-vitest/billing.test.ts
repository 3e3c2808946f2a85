// #region test
import { createTestSender, type TestSender } from 'hookferry/testing'
import { beforeEach, expect, it } from 'vitest'
import { events, payInvoice } from './billing.ts'

const HOUR = 3_600_000
let hooks: TestSender<typeof events>

beforeEach(async () => {
  hooks = createTestSender({ events })
  await hooks.sender.endpoints.create({ tenant: 'acme', url: 'https://acme.example/webhooks' })
})

it('tells the customer that an invoice was paid', async () => {
  await payInvoice(hooks.sender.forTenant('acme'), 'inv_1', 990)
  await hooks.sender.drain() // delivers what is due now
  hooks.assertSent('invoice.paid', { invoice: 'inv_1', amount: 990 })
})

it('tells nobody of an invoice of nothing', async () => {
  await payInvoice(hooks.sender.forTenant('acme'), 'inv_1', 0)
  await hooks.sender.drain()
  hooks.assertNothingSent()
})

it('tells once, however often the invoice is paid', async () => {
  for (let times = 0; times < 3; times++) await payInvoice(hooks.sender.forTenant('acme'), 'inv_1', 990)
  await hooks.sender.drain()
  expect(hooks.sent('invoice.paid')).toHaveLength(1)
})

it('gets through to a customer whose server was down for a day', async () => {
  const { sender, clock, transport } = hooks
  transport.reply({ fail: 'refused' })
  await payInvoice(sender.forTenant('acme'), 'inv_1', 990)
  await sender.drain({ until: new Date(clock.now() + 24 * HOUR) }) // a day of retries, in a moment
  transport.reply(200)
  await sender.drain({ until: new Date(clock.now() + 24 * HOUR) })

  const { items } = await sender.deliveries.list({ tenant: 'acme' })
  expect(items).toMatchObject([{ state: 'delivered', attemptCount: hooks.sent('invoice.paid').length }])
})
// #endregion
