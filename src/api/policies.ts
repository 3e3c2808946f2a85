import type { Settings } from '../engine/settings.ts'
import type { RetryContext } from '../pipeline/retry.ts'
import { type Attempt, type Health, presentAttempt, presentHealth } from './present.ts'

/** The host's policy functions: they get what the rest of the public face shows, with `Date`s. */

/** Overrules the schedule for one failed attempt: by the schedule, no further attempt in this round, or after so many milliseconds. */
export type RetryDecide = (attempt: Attempt, context: RetryContext) => 'default' | 'fail' | { delayMs: number }

/** Overrules the rule for one failing endpoint: by the rule, neither disable nor warn now, or disable now. */
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
