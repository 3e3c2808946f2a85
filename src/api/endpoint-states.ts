import { plainObject, string } from '../arguments.ts'
import { WebhookError } from '../errors.ts'
import type { EndpointState } from '../model/endpoint.ts'
import type { Core } from './core.ts'
import { endpointAccess } from './endpoint-access.ts'
import { type Endpoint, presentEndpoint } from './present.ts'
import { checkId, type Scope } from './scope.ts'

/** The changes of state that a person makes. Each is refused from a state that it does not leave. */
export interface EndpointStates {
  /** Holds its deliveries; `reason`, 1 to 1,024 characters, is kept as `stateReason`. Throws `endpoint_not_found`, and `endpoint_state_invalid` when it is disabled. */
  pause(id: string, options?: { reason?: string }): Promise<Endpoint>
  /** Leaves `paused`: what was held is delivered. Throws `endpoint_not_found`, `endpoint_state_invalid`. */
  resume(id: string): Promise<Endpoint>
  /** Leaves `disabled` and resets health: what was held is delivered. Throws `endpoint_not_found`, `endpoint_state_invalid`. */
  enable(id: string): Promise<Endpoint>
}

export function endpointStates(core: Core, scope: Scope): EndpointStates {
  const { find, changed } = endpointAccess(core, scope)
  const change = async (verb: Verb, value: string, from: EndpointState, to: EndpointState, reason: string | null) => {
    const id = checkId(value, `endpoints.${verb}.id`)
    const before = await find(id)
    if (before.state === to) return presentEndpoint(before)
    const step = { id, tenant: scope.bound, from: [from], to, reason, guard: null }
    const after = await core.ask((storage) => storage.changeEndpointState({ ...step, now: core.clock.now() }))
    if (after !== null) return changed(after, NOTES[verb])
    const now = await find(id)
    // The answer to an earlier try of this very change may have been lost.
    if (now.state === to) return changed(now, NOTES[verb])
    throw wrongState(id, now.state, verb)
  }
  return {
    async pause(id, options = {}) {
      const given = plainObject(options, 'endpoints.pause', ['reason'])
      const reason =
        given.reason === undefined ? null : string(given.reason, 'endpoints.pause.reason', { min: 1, max: 1_024 })
      return change('pause', id, 'active', 'paused', reason)
    },
    resume: (id) => change('resume', id, 'paused', 'active', null),
    enable: (id) => change('enable', id, 'disabled', 'active', null),
  }
}

type Verb = 'pause' | 'resume' | 'enable'

const NOTES = { pause: 'endpoint.paused', resume: 'endpoint.resumed', enable: 'endpoint.enabled' } as const

function wrongState(id: string, state: EndpointState, verb: string): WebhookError {
  const remedy = { active: 'it delivers already', paused: 'use resume', disabled: 'use enable' }[state]
  return new WebhookError('endpoint_state_invalid', `endpoint ${id} is ${state}, so ${verb} does not apply: ${remedy}.`)
}
