import { type AnyTenantSender, defineEvents, event } from 'hookferry'

/** Code of an application. It gets its sender as an argument, so that a test can give it another one. */

export const events = defineEvents({ 'invoice.paid': event<{ invoice: string; amount: number }>() })

export async function payInvoice(
  webhooks: AnyTenantSender<typeof events>,
  invoice: string,
  amount: number,
): Promise<void> {
  if (amount === 0) return // nothing was paid
  const idempotencyKey = `invoice.paid:${invoice}`
  await webhooks.send({ type: 'invoice.paid', data: { invoice, amount }, idempotencyKey })
}
