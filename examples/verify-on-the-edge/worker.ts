// A Cloudflare Worker that receives webhooks. docs/guides/verifying.md shows the region as it stands here.
// biome-ignore-all lint/style/noDefaultExport: workers are exported so

// #region worker
import { type VerificationError, verify } from 'hookferry/verify'
import type { events } from './events.ts'

interface Env {
  WEBHOOK_SECRET: string
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    try {
      const event = await verify<typeof events>(request, env.WEBHOOK_SECRET)
      if (event.type === 'invoice.paid') return new Response(`paid: ${event.data.amount}`)
      return new Response(null, { status: 204 })
    } catch (error) {
      const { statusCode = 500 } = error as Partial<VerificationError>
      return new Response(null, { status: statusCode })
    }
  },
}
// #endregion
