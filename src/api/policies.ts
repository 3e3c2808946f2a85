import type { Settings } from '../engine/settings.ts'
import type { RetryContext } from '../pipeline/retry.ts'
import { type Attempt, type Health, presentAttempt, presentHealth } from './present.ts'

/** The host's policy functions: they get what the rest of the public face shows, with `Date`s. */

/**
 * Overrules the schedule for one failed attempt. `'default'`: by the schedule; `'fail'`: no more attempts in this round;
 * `{ delayMs }`: after this long instead, 0 to 30 days, without jitter. Asked only while the schedule has an attempt left, and
 * never of one that was aborted or lost. `Retry-After` stays a floor.
 */
export type RetryDecide = (attempt: Attempt, context: RetryContext) => 'default' | 'fail' | { delayMs: number }

/**
 * Overrules the rule for one failing endpoint, of which it is told `endpointId`, `tenant` and health. `'default'`: by the rule;
 * `'keep'`: neither disable nor warn now; `'disable'`: now. Asked after failed attempts, never of a healthy or disabled endpoint.
 */
export type DisableDecide = (health: Health & { endpointId: string; tenant: string }) => 'default' | 'keep' | 'disable'

interface Given {
  retry?: { decide?: RetryDecide }
  disable?: { decide?: DisableDecide } | false
}

/** The settings with the given functions behind the engine's own records. */
export function presentPolicies(settings: Settings, given: Given): Settings {
  const retry = given.retry?.decide
  const disable = given.disable === false ? undefined : given.disable?.decide
  return {
    ...settings,
    retry:
      retry === undefined
        ? settings.retry
        : { ...settings.retry, decide: (attempt, context) => retry(presentAttempt(attempt), context) },
    disable:
      disable === undefined || settings.disable === false
        ? settings.disable
        : {
            ...settings.disable,
            decide: ({ endpointId, tenant, ...health }) => disable({ ...presentHealth(health), endpointId, tenant }),
          },
  }
}
