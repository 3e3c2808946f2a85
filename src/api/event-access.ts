import { WebhookError } from '../errors.ts'
import type { EventProgress } from '../ports/storage.ts'
import type { Core } from './core.ts'
import type { Scope } from './scope.ts'

/** What the methods on one event share. */

/** How far it has come. Throws `event_not_found`. */
export async function eventProgress(core: Core, scope: Scope, id: string): Promise<EventProgress> {
  const progress = await core.ask((storage) => storage.eventProgress({ id, tenant: scope.bound }))
  if (progress === null) throw eventNotFound(id)
  return progress
}

export function eventNotFound(id: string): WebhookError {
  const message = `there is no event ${id} here: retention may have removed it, or it is another tenant's. Take the id from events.list.`
  return new WebhookError('event_not_found', message)
}
