import type { EndpointRecord } from '../model/endpoint.ts'
import type { MissedEvent } from '../ports/storage.ts'
import { matches } from './fan-out.ts'

/** Step 7, the other half: which of the events that an endpoint never had a backfill brings. */

/**
 * Those that it would have, had it been there as it is now: its patterns of now match, or the event names it. One that names others
 * was not for it. What a selection names narrows this and never widens it: which types a customer gets is the customer's choice.
 */
export function isMissed(event: MissedEvent, endpoint: Pick<EndpointRecord, 'id' | 'eventTypes'>): boolean {
  if (event.endpointIds !== null) return event.endpointIds.includes(endpoint.id)
  return matches(endpoint.eventTypes, event.type)
}

/** How many events, from the first, hold as many wanted ones as may be taken; all of them when there are not so many. */
export function holding(wanted: readonly boolean[], limit: number): number {
  let count = 0
  for (const [index, isWanted] of wanted.entries()) {
    if (isWanted) count += 1
    if (count === limit) return index + 1
  }
  return wanted.length
}
