// #region test
const { createTestSender } = require('hookferry/testing')
const { payInvoice } = require('./billing.js')

const HOUR = 3_600_000
let hooks

beforeEach(async () => {
  hooks = createTestSender()
  await hooks.sender.endpoints.create({ tenant: 'acme', url: 'https://acme.example/webhooks' })
})

test('tells the customer that an invoice was paid', async () => {
  await payInvoice(hooks.sender.forTenant('acme'), 'inv_1', 990)
  await hooks.sender.drain() // delivers what is due now
  hooks.assertSent('invoice.paid', { invoice: 'inv_1', amount: expect.any(Number) })
})

test('gives up on a customer whose server stays down', async () => {
  const { sender, clock, transport } = hooks
  transport.reply(503)
  await payInvoice(sender.forTenant('acme'), 'inv_1', 990)
  await sender.drain({ until: new Date(clock.now() + 100 * HOUR) }) // days of retries, in a moment

  expect(hooks.sent('invoice.paid')).toHaveLength(10)
  const { items } = await sender.deliveries.list({ tenant: 'acme' })
  expect(items).toMatchObject([{ state: 'failed', reason: 'attempts_exhausted' }])
})
// #endregion

test('tells nobody of an invoice of nothing', async () => {
  await payInvoice(hooks.sender.forTenant('acme'), 'inv_1', 0)
  await hooks.sender.drain()
  hooks.assertNothingSent()
})

test('an assertion that fails says what was sent instead, and where it stands', async () => {
  await payInvoice(hooks.sender.forTenant('acme'), 'inv_1', 990)
  await hooks.sender.drain()
  const failing = () => hooks.assertSent('invoice.paid', { amount: 1 })
  expect(failing).toThrow(
    /no such webhook was sent\. One was:\n {2}'invoice\.paid', \{"invoice":"inv_1","amount":990\}/,
  )
  expect(failing).toThrow(expect.objectContaining({ actual: { amount: 990 }, expected: { amount: 1 } }))
})
