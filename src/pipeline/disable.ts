import type { DisableReason, EndpointHealth } from '../model/endpoint.ts'
import { decide } from './decide.ts'

/** Step 6b: whether an endpoint is still worth trying. */

/** The host's `DisableDecide` of `api/policies.ts`, as the pipeline sees it. */
export type DisableDecide = (
  health: EndpointHealth & { endpointId: string; tenant: string },
) => 'default' | 'keep' | 'disable'

export interface DisablePolicy {
  /** Disable after so many milliseconds without a success, */
  afterMs: number
  /** and so many failed attempts since. */
  minFailures: number
  decide?: DisableDecide
}

export interface JudgeInput {
  health: EndpointHealth
  endpointId: string
  tenant: string
  /** False: never disable, never warn. */
  policy: DisablePolicy | false
  /** Epoch milliseconds. */
  now: number
}

/** `warn`: half of the way to being disabled, and not yet told for this run of failures. */
export type Verdict = Ruling & {
  /** What `decide` threw, or that its answer meant nothing; the rule was followed. */
  decideError?: unknown
}

/** Disabled by the rule (`failing`) or by `decide`. */
type Ruling =
  | { verdict: 'keep' | 'warn' }
  | { verdict: 'disable'; reason: Extract<DisableReason, 'failing' | 'decided'> }

/** Judges an endpoint by its health. One that recovered is never disabled, whatever came before. */
export function judgeEndpoint(input: JudgeInput): Verdict {
  const { health, policy, endpointId, tenant, now } = input
  if (policy === false || health.failingSince === null) return { verdict: 'keep' }
  const byRule = ruling(health, health.failingSince, policy, now)
  const ask = policy.decide
  if (ask === undefined) return byRule
  const { answer, error } = decide(() => ask({ ...health, endpointId, tenant }), understand, 'options.disable.decide')
  if (answer === 'disable') return { verdict: 'disable', reason: 'decided' }
  if (answer === 'keep') return { verdict: 'keep' }
  return error === undefined ? byRule : { ...byRule, decideError: error }
}

/** Time alone would disable a quiet endpoint after one failure, numbers alone a busy one after a short outage. */
function ruling(health: EndpointHealth, failingSince: number, policy: DisablePolicy, now: number): Ruling {
  const reached = (share: number) =>
    now - failingSince >= policy.afterMs * share && health.failures >= policy.minFailures * share
  if (reached(1)) return { verdict: 'disable', reason: 'failing' }
  return { verdict: reached(0.5) && !health.warned ? 'warn' : 'keep' }
}

function understand(answer: unknown): 'keep' | 'disable' | null {
  return answer === 'keep' || answer === 'disable' ? answer : null
}
