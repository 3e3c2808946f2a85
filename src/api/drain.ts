import { integer, plainObject, time } from '../arguments.ts'
import { advanceOf } from '../engine/advance.ts'
import { WebhookError } from '../errors.ts'
import type { Core } from './core.ts'

/** The bounds of a drain. Each may be left out; whichever is reached first ends it. */
export interface DrainOptions {
  /** Goes on with what falls due up to this moment, waiting for it; a manual clock is moved on. Default: now. */
  until?: Date | string
  /** Begins nothing new after this long, 1 ms to 1 day. Default: no bound. */
  budgetMs?: number
  /** Begins nothing new after this many attempts; those of one claim are begun together. Default 1,000,000. */
  limit?: number
}

/** What a drain did. */
export interface DrainResult {
  /** Attempts made. */
  attempts: number
  /** When there will be more to do; null: never, as things are. */
  nextDueAt: Date | null
}

const DAY = 86_400_000
const LIMIT = { min: 1, max: 1_000_000 }

/** One bounded run of everything that `start` would do; see `WebhookSender.drain`. */
export async function drain(core: Core, options: unknown): Promise<DrainResult> {
  const given = plainObject(options, 'drain', ['until', 'budgetMs', 'limit'])
  const until = given.until === undefined ? core.clock.now() : time(given.until, 'drain.until')
  const budgetMs =
    given.budgetMs === undefined
      ? Number.POSITIVE_INFINITY
      : integer(given.budgetMs, 'drain.budgetMs', { min: 1, max: DAY })
  const limit = given.limit === undefined ? LIMIT.max : integer(given.limit, 'drain.limit', LIMIT)
  const { engine } = await core.ready()
  if (engine.started) {
    throw new WebhookError(
      'already_started',
      'the sender delivers by itself since start(): drain is for one that was not started.',
    )
  }
  await core.assertKeys()
  const { attempts, nextDueAt } = await engine.drain({ until, budgetMs, limit, advance: advanceOf(core.clock.base) })
  return { attempts, nextDueAt: nextDueAt === null ? null : new Date(nextDueAt) }
}
