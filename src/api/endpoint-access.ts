import type { Note } from '../engine/log.ts'
import { WebhookError } from '../errors.ts'
import type { EndpointRecord } from '../model/endpoint.ts'
import type { EndpointUpdate } from '../ports/storage.ts'
import type { Core } from './core.ts'
import { type Endpoint, presentEndpoint } from './present.ts'
import type { Scope } from './scope.ts'

/** What the methods on endpoints share: how one is found, and what follows a change. */
export interface EndpointAccess {
  /** Throws `endpoint_not_found`. */
  find(id: string): Promise<EndpointRecord>
  /**
   * Writes what `make` makes of the endpoint as it is, made anew when what `guard` names was changed meanwhile; null: nothing is left
   * to be written. Throws what `make` throws, `endpoint_not_found`, `busy`.
   */
  change(id: string, make: (before: EndpointRecord) => Change | null | Promise<Change>): Promise<EndpointRecord>
  /** Tells the rest of this process, and the logger; others see the new version at their next insert or claim. */
  changed(endpoint: EndpointRecord, note: Note): Promise<Endpoint>
}

/** `now` is when it is said to have been changed. Default: now. */
export type Change = Pick<EndpointUpdate, 'settings' | 'guard'> & { now?: number }

/** How often a change is made anew when others come between. */
const CHANGE_TRIES = 10

export function endpointAccess(core: Core, scope: Scope): EndpointAccess {
  const find = async (id: string): Promise<EndpointRecord> => {
    const endpoint = await core.ask((storage) => storage.getEndpoint({ id, tenant: scope.bound }))
    if (endpoint === null) throw notFound(id)
    return endpoint
  }
  return {
    find,
    async change(id, make) {
      for (let tries = 0; tries < CHANGE_TRIES; tries++) {
        const before = await find(id)
        const made = await make(before)
        if (made === null) return before
        const update = { now: core.clock.now(), ...made, id, tenant: scope.bound }
        const after = await core.ask((storage) => storage.updateEndpoint(update))
        if (after === null) throw notFound(id)
        if (after !== 'conflict') return after
      }
      const message = `endpoint ${id} is being changed too often at once: nothing was changed, try again.`
      throw new WebhookError('busy', message, { retryable: true })
    },
    async changed(endpoint, note) {
      core.lifecycle.note(note, { endpointId: endpoint.id, tenant: endpoint.tenant })
      await core.endpointsChanged(endpoint.tenant)
      return presentEndpoint(endpoint)
    },
  }
}

export function notFound(id: string): WebhookError {
  const message = `there is no endpoint ${id} here: it may be deleted, or another tenant's. Take the id from endpoints.list.`
  return new WebhookError('endpoint_not_found', message)
}
