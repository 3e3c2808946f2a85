import { plainObject, time } from '../arguments.ts'
import { ArgumentError } from '../errors.ts'
import { checkType } from './check-event.ts'
import type { Core } from './core.ts'
import { type Listed, listed, type PageOptions, pageInput } from './cursor.ts'
import { presentEvent, presentSummary, type WebhookEvent, type WebhookEventSummary } from './present.ts'
import { type ALL_TENANTS, checkId, type Scope, tenantFilterOf } from './scope.ts'

/** Which events. All that is given holds together. */
export interface EventFilter extends PageOptions {
  /** Default `'default'`. */
  tenant?: string | typeof ALL_TENANTS
  /** Those of exactly this type; no pattern. Left out: of any. */
  type?: string
  /** Accepted at or after. */
  since?: Date | string
  /** Accepted before. */
  until?: Date | string
}

/** What was accepted. */
export interface Events {
  /** Null: not found, or removed by retention. */
  get(id: string): Promise<WebhookEvent | null>
  /** Newest first, without bodies. */
  list(filter?: EventFilter): Promise<Listed<WebhookEventSummary>>
}

export function eventsApi(core: Core, scope: Scope): Events {
  return {
    async get(value) {
      const id = checkId(value, 'events.get.id')
      const event = await core.ask((storage) => storage.getEvent({ id, tenant: scope.bound }))
      return event === null ? null : presentEvent(event)
    },
    async list(filter = {}) {
      const input = plainObject(filter, 'events.list', ['tenant', 'type', 'since', 'until', 'limit', 'cursor'])
      const query = {
        tenant: tenantFilterOf(input, 'events.list', scope),
        type: input.type === undefined ? null : checkType(input.type, 'events.list.type'),
        since: input.since === undefined ? null : time(input.since, 'events.list.since'),
        until: input.until === undefined ? null : time(input.until, 'events.list.until'),
      }
      if (query.since !== null && query.until !== null && query.since >= query.until) {
        throw new ArgumentError('argument_invalid', 'events.list.until', 'must be later than since')
      }
      const page = pageInput(input, 'events.list', 'events', query)
      const found = await core.ask((storage) => storage.listEvents({ ...query, ...page }))
      return listed(found, 'events', query, presentSummary)
    },
  }
}
