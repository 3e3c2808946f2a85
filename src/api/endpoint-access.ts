import type { Note } from '../engine/log.ts'
import { WebhookError } from '../errors.ts'
import type { EndpointRecord } from '../model/endpoint.ts'
import type { Core } from './core.ts'
import { type Endpoint, presentEndpoint } from './present.ts'
import type { Scope } from './scope.ts'

/** What the methods on endpoints share: how one is found, and what follows a change. */
export interface EndpointAccess {
  /** Throws `endpoint_not_found`. */
  find(id: string): Promise<EndpointRecord>
  /** Tells the rest of this process, and the logger; others see the new version at their next insert or claim. */
  changed(endpoint: EndpointRecord, note: Note): Promise<Endpoint>
}

export function endpointAccess(core: Core, scope: Scope): EndpointAccess {
  return {
    async find(id) {
      const endpoint = await core.ask((storage) => storage.getEndpoint({ id, tenant: scope.bound }))
      if (endpoint === null) throw notFound(id)
      return endpoint
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
