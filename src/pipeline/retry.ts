import type { AttemptRecord } from '../model/attempt.ts'
import type { DeliveryReason } from '../model/delivery.ts'
import { decide } from './decide.ts'

/** Step 6a: whether and when a failed attempt is repeated. */

/** What a `RetryDecide` is told beside the attempt. */
export interface RetryContext {
  /** The endpoint that failed. */
  endpointId: string
  /** The event that was to be delivered. */
  eventId: string
  /** Whose they are. */
  tenant: string
  /** The event's type. */
  type: string
  /** Position in the schedule: how many scheduled attempts of this round had ended before this one. 0 is the first. */
  step: number
  /** 1 for the first schedule; each replay begins another. */
  round: number
}

/** The host's `RetryDecide` of `api/policies.ts`, as the pipeline sees it. */
export type RetryDecide = (attempt: AttemptRecord, context: RetryContext) => 'default' | 'fail' | { delayMs: number }

export interface RetryPolicy {
  /** Delays after the first, immediate attempt, in milliseconds: a round has one attempt more than this has items. */
  delaysMs: readonly number[]
  /** Each delay is spread by this share to either side, 0 to 1. */
  jitter: number
  /** `Retry-After` is obeyed up to this. */
  retryAfterMaxMs: number
  decide?: RetryDecide
}

export interface RetryInput {
  policy: RetryPolicy
  /** Position in the schedule of the attempt that failed. */
  step: number
  attempt: AttemptRecord
  context: RetryContext
  /** Epoch milliseconds: the end of the attempt, from which delays are counted. */
  now: number
  /** Chance for the jitter, in [0, 1). */
  random: number
}

/** `decideError`: what `decide` threw, or that its answer meant nothing; the schedule was followed. */
export type RetryVerdict =
  | { kind: 'retry'; dueAt: number; step: number; decideError?: unknown }
  | { kind: 'fail'; reason: DeliveryReason; decideError?: unknown }

/** The longest delay that `decide` can ask for: 30 days. */
const DELAY_MAX_MS = 30 * 24 * 60 * 60 * 1_000

/** The next attempt's moment, or why there is none. */
export function scheduleRetry(input: RetryInput): RetryVerdict {
  const { policy, step, attempt, now } = input
  const scheduled = policy.delaysMs[step]
  // No answer of `decide` lengthens the schedule, so that every delivery comes to an end.
  if (scheduled === undefined) return { kind: 'fail', reason: 'attempts_exhausted' }
  const { answer, error } = askPolicy(input)
  if (answer === 'fail') return { kind: 'fail', reason: 'retry_refused' }
  const delay =
    answer === 'default'
      ? scheduled * (1 + policy.jitter * (2 * input.random - 1))
      : Math.min(Math.max(answer.delayMs, 0), DELAY_MAX_MS)
  const floor = Math.min(retryAfterOf(attempt, now) ?? 0, policy.retryAfterMaxMs)
  const verdict = { kind: 'retry', dueAt: Math.ceil(now + Math.max(delay, floor)), step: step + 1 } as const
  return error === undefined ? verdict : { ...verdict, decideError: error }
}

function askPolicy({ policy, attempt, context }: RetryInput) {
  const ask = policy.decide
  if (ask === undefined) return { answer: 'default' as const, error: undefined }
  return decide(() => ask(attempt, context), understand, 'options.retry.decide')
}

function understand(answer: unknown): 'fail' | { delayMs: number } | null {
  if (answer === 'fail') return answer
  if (typeof answer !== 'object' || answer === null || !('delayMs' in answer)) return null
  const { delayMs } = answer
  return typeof delayMs === 'number' && Number.isFinite(delayMs) ? { delayMs } : null
}

/** The delay that an attempt's response asked for, in milliseconds; null: none. */
export function retryAfterOf(attempt: AttemptRecord, now: number): number | null {
  const name = Object.keys(attempt.responseHeaders).find((key) => key.toLowerCase() === 'retry-after')
  return name === undefined ? null : parseRetryAfter(attempt.responseHeaders[name], now)
}

/** `Retry-After` (RFC 9110): seconds or an HTTP date, as milliseconds from `now`, 0 for a date gone by; null: not readable. */
export function parseRetryAfter(value: string | undefined, now: number): number | null {
  const text = value?.trim() ?? ''
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1_000, Number.MAX_SAFE_INTEGER)
  const date = httpDate(text)
  return date === null ? null : Math.max(date - now, 0)
}

const TIME = '(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)'

/** The three forms that a recipient must accept: `Sun, 06 Nov 1994 …`, `Sunday, 06-Nov-94 …`, `Sun Nov  6 … 1994`. */
const HTTP_DATES = [
  new RegExp(`^[a-z]{3}, (?<day>\\d\\d) (?<month>[a-z]{3}) (?<year>\\d{4}) ${TIME} GMT$`, 'i'),
  new RegExp(`^[a-z]{6,9}, (?<day>\\d\\d)-(?<month>[a-z]{3})-(?<year>\\d\\d) ${TIME} GMT$`, 'i'),
  new RegExp(`^[a-z]{3} (?<month>[a-z]{3}) (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})$`, 'i'),
]

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

/** An HTTP date as epoch milliseconds. Read by hand, since the pipeline has no `Date`, whose parser takes far more than this. */
function httpDate(text: string): number | null {
  for (const form of HTTP_DATES) {
    const found = form.exec(text)?.groups
    if (found === undefined) continue
    const part = (name: string) => Number(found[name])
    const month = MONTHS.indexOf(found.month?.toLowerCase() ?? '')
    const [day, hour, minute, second] = [part('day'), part('hour'), part('minute'), part('second')]
    if (month < 0 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return null
    const seconds = daysSinceEpoch(fullYear(part('year')), month, day) * 86_400 + hour * 3_600 + minute * 60 + second
    return seconds * 1_000
  }
  return null
}

/** Years of two digits are those from 1970 to 2069. */
function fullYear(year: number): number {
  if (year >= 100) return year
  return year + (year < 70 ? 2_000 : 1_900)
}

/** In the Gregorian calendar; `month` from 0. Years run from March here, so that a leap day is the last of its year. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const marchMonth = (month + 10) % 12
  const marchYear = month < 2 ? year - 1 : year
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400)
  const daysBeforeMonth = Math.floor((153 * marchMonth + 2) / 5)
  // 719,469 days lie between 1 March of the year 0 and the epoch; `day` counts from 1.
  return marchYear * 365 + leapDays + daysBeforeMonth + day - 719_469
}
