/** Code of an application. It gets its sender as an argument, so that a test can give it another one. */
exports.payInvoice = async (webhooks, invoice, amount) => {
  if (amount === 0) return // nothing was paid
  const idempotencyKey = `invoice.paid:${invoice}`
  await webhooks.send({ type: 'invoice.paid', data: { invoice, amount }, idempotencyKey })
}
