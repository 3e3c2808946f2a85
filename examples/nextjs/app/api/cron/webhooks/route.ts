import { createHash, timingSafeEqual } from 'node:crypto'
import { deliver } from '../../../../lib/webhooks.ts'

// #region cron
export const runtime = 'nodejs'
export const dynamic = 'force-dynamic'
export const maxDuration = 60 // seconds after which the platform ends the function

/** Called every minute by the platform's scheduler, which sends the secret along. */
export async function GET(request: Request): Promise<Response> {
  if (!fromScheduler(request)) return new Response('no', { status: 401 })
  const { attempts, nextDueAt } = await deliver((maxDuration - 5) * 1_000)
  return Response.json({ attempts, nextDueAt })
}
// #endregion

function fromScheduler(request: Request): boolean {
  const secret = process.env.CRON_SECRET
  const given = request.headers.get('authorization') ?? ''
  return secret !== undefined && timingSafeEqual(digest(given), digest(`Bearer ${secret}`))
}

const digest = (text: string) => createHash('sha256').update(text).digest()
