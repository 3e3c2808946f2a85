import type { SenderOptions } from '../../../src/options.ts'
import { Chance } from './chance.ts'

/** What a seed decides beforehand: the kind of world. */
export interface Plan {
  seed: number
  /** How many things happen before the faults are healed. */
  steps: number
  tenants: string[]
  endpoints: number
  /** Faults of storage. Without them, crashes and clock jumps no attempt is ever lost, and nothing is delivered twice. */
  storageFaults: boolean
  crashes: boolean
  clockJumps: boolean
  /** Bottleneck makes these runs slower. */
  rateLimits: boolean
  /** A tenant has so many endpoints that fan-out goes on in the background. */
  crowd: boolean
  /** Who finishes the work at the end: the started senders, or a `drain` of another one. */
  finish: 'started' | 'drain'
  /** The longest time that passes at once before the end, and the furthest that a clock is set. */
  leapMs: number
  options: Required<
    Pick<
      SenderOptions,
      | 'retry'
      | 'disable'
      | 'hold'
      | 'concurrency'
      | 'attempt'
      | 'lease'
      | 'pollMs'
      | 'acceptTimeoutMs'
      | 'idempotencyMs'
    >
  > & { payloadMaxBytes: number; retention: { deliveredMs: number; failedMs: number } }
}

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const SHORT_SCHEDULES = [[], [200], [100, 1_000], [0, 0], [SECOND, 5 * SECOND, 30 * SECOND]]
const LONG_SCHEDULES = [
  [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR],
  [MINUTE, 10 * MINUTE, HOUR, 5 * HOUR, 24 * HOUR],
]

export function planOf(seed: number): Plan {
  const chance = new Chance(seed, 0)
  const long = chance.of(0.2)
  const calm = chance.of(0.2)
  const pollMs = long ? 60 * SECOND : chance.pick([500, 2 * SECOND, 10 * SECOND, 30 * SECOND])
  const deadlineMs = chance.pick([200, SECOND, 5 * SECOND, 15 * SECOND])
  return {
    seed,
    steps: chance.int(20, 45),
    tenants: ['acme', 'globex', 'initech'].slice(0, chance.int(1, 3)),
    endpoints: chance.int(2, 7),
    storageFaults: !calm && chance.of(0.8),
    crashes: !calm && chance.of(0.8),
    clockJumps: !calm && chance.of(0.35),
    rateLimits: chance.of(0.2),
    crowd: chance.of(0.02),
    finish: long || chance.of(0.3) ? 'drain' : 'started',
    leapMs: Math.min(20 * pollMs, 10 * MINUTE),
    options: {
      retry: {
        delaysMs: [...chance.pick(long ? LONG_SCHEDULES : SHORT_SCHEDULES)],
        jitter: chance.pick([0, 0.2, 0.5]),
        // Many looks for work in a long silence would only take time.
        retryAfterMaxMs: pollMs < 10 * SECOND ? 10 * SECOND : chance.pick([10 * SECOND, 10 * MINUTE]),
      },
      disable: chance.of(0.3) ? false : { afterMs: chance.pick([SECOND, 30 * SECOND]), minFailures: chance.int(2, 5) },
      hold: { maxAgeMs: chance.pick([2 * MINUTE, HOUR, 7 * DAY]) },
      concurrency: { total: chance.int(1, 12), perEndpoint: chance.int(1, 4) },
      attempt: { deadlineMs, connectMs: Math.min(deadlineMs, 5 * SECOND) },
      lease: { marginMs: chance.pick([200, SECOND, 15 * SECOND]) },
      pollMs,
      acceptTimeoutMs: chance.pick([50, SECOND, 10 * SECOND]),
      idempotencyMs: chance.pick([5 * SECOND, 7 * DAY]),
      payloadMaxBytes: 2_048,
      // So long that nothing is removed before it was checked.
      retention: { deliveredMs: 3_650 * DAY, failedMs: 3_650 * DAY },
    },
  }
}
