import { plainObject, time } from '../arguments.ts'
import { ArgumentError } from '../errors.ts'
import { cancelEvent } from './cancel-event.ts'
import { checkType } from './check-event.ts'
import type { Core } from './core.ts'
import { type Listed, listed, type PageOptions, pageInput } from './cursor.ts'
import { type Explanation, explainEvent } from './explain-event.ts'
import { presentEvent, presentSummary, type WebhookEvent, type WebhookEventSummary } from './present.ts'
import { type ALL_TENANTS, checkId, type Scope, tenantFilterOf } from './scope.ts'
import { type EventOutcome, waitForEvent } from './wait-for-event.ts'
import { checkWait, type WaitOptions } from './waiting.ts'

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
  /**
   * Ends an event that shall not go on: its fan-out stops, and every delivery that is pending, held or waits for its turn is canceled
   * with the reason `event_canceled`. What was delivered stays delivered. An attempt under way is not interrupted: its success counts,
   * its failure is not repeated. Returns the event, with the moment of the first cancel: canceling again changes nothing, and goes on
   * where a call that failed has stopped. Its idempotency key stays taken. Throws `event_not_found`.
   */
  cancel(id: string): Promise<WebhookEventSummary>
  /**
   * Why the event is for each endpoint of its tenant, or is not: by the endpoints of now, newest first. Deleted endpoints are not
   * among them, even if they have deliveries of it: `deliveries.list({ eventId })` has those. Throws `event_not_found`.
   */
  explain(id: string, page?: PageOptions): Promise<Listed<Explanation>>
  /**
   * Resolves when all deliveries of the event are written and at rest: promptly where this process delivers, else by looking four times
   * a second at first, and less often the longer it takes, down to every 5 s. A held delivery is not at rest, and without a started sender nothing comes to rest: `timed_out` (retryable)
   * comes after `timeoutMs`. Throws `event_not_found`, `stopped`, and the signal's reason.
   */
  wait(id: string, options?: WaitOptions): Promise<EventOutcome>
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
    async cancel(value) {
      return presentSummary(await cancelEvent(core, scope, checkId(value, 'events.cancel.id')))
    },
    async explain(value, page = {}) {
      return explainEvent(core, scope, checkId(value, 'events.explain.id'), page)
    },
    async wait(value, options = {}) {
      return waitForEvent(core, scope, checkId(value, 'events.wait.id'), checkWait(options, 'events.wait'))
    },
  }
}
