import { webhooks } from '../../../lib/webhooks.ts'

// #region send
export const runtime = 'nodejs' // the edge runtime has no connections to a database

export async function POST(request: Request): Promise<Response> {
  const { invoice } = (await request.json()) as { invoice: string }
  const { id } = await webhooks().send({
    type: 'invoice.paid',
    data: { invoice },
    idempotencyKey: `invoice.paid:${invoice}`,
  })
  // It is kept now. `after(() => deliver(30_000))` of next/server would make the first attempt at once, behind the answer.
  return Response.json({ event: id }, { status: 202 })
}
// #endregion
