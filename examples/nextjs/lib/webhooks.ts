import { type AnyWebhookSender, createWebhookSender, type DrainResult } from 'hookferry'
import { postgres } from 'hookferry/postgres'

// #region sender
/** The longest that one attempt may take. */
const DEADLINE_MS = 10_000

// On the global object, since development loads modules anew after each change.
const kept = globalThis as { webhooks?: AnyWebhookSender }

/** One for each instance, made when it is first needed: `next build` loads this file without a database. */
export function webhooks(): AnyWebhookSender {
  kept.webhooks ??= createWebhookSender({
    storage: postgres({ connectionString: process.env.DATABASE_URL }),
    attempt: { deadlineMs: DEADLINE_MS },
    // So that a receiver on your own machine can be tried; in production only https and public addresses.
    network: process.env.NODE_ENV === 'production' ? {} : { allowHttp: true, allowRanges: ['127.0.0.0/8', '::1/128'] },
  })
  return kept.webhooks // never started: an instance is frozen between requests
}

let running: Promise<DrainResult> | null = null

/** Delivers what is due, within `withinMs`. Called again meanwhile, it waits for the run that is under way. */
export function deliver(withinMs: number): Promise<DrainResult> {
  // An attempt that begins at the end of the budget may still take as long as any.
  running ??= webhooks()
    .drain({ budgetMs: withinMs - DEADLINE_MS })
    .finally(() => {
      running = null
    })
  return running
}
// #endregion
