import type { EndpointRecord } from '../model/endpoint.ts'
import type { EventProgress } from '../ports/storage.ts'
import { matches } from './fan-out.ts'

/** Whether an event is for an endpoint, and why: told afterwards, by what the endpoint is now. */

/**
 * Why an event is for an endpoint, or is not.
 *
 * It is, and has its delivery:
 * - `type_matches`: one of the endpoint's patterns matches its type.
 * - `addressed`: it names the endpoint, whatever its patterns.
 * - `backfilled`: the endpoint was created later, and a backfill brought it.
 *
 * It is, without a delivery:
 * - `still_fanning_out`: its deliveries are still being written.
 * - `event_canceled`: it was canceled before its delivery was written.
 * - `delivery_removed`: retention has removed its delivery.
 *
 * It is not:
 * - `type_differs`: no pattern of the endpoint matches its type.
 * - `not_addressed`: it names other endpoints.
 * - `created_later`: the endpoint was created after its acceptance.
 *
 * One or the other, as the delivery tells:
 * - `changed_since`: the endpoint was changed after the acceptance, and what it was then is not known. With a delivery, it matched
 *   then, or when a backfill looked, and no longer does; without one, it matches now and may not have then.
 */
export type ExplainReason =
  | 'type_matches'
  | 'addressed'
  | 'backfilled'
  | 'still_fanning_out'
  | 'event_canceled'
  | 'delivery_removed'
  | 'type_differs'
  | 'not_addressed'
  | 'created_later'
  | 'changed_since'

export interface ExplainInput {
  progress: Pick<EventProgress, 'endpointIds' | 'endpointsVersion' | 'fanningOut'> & {
    event: Pick<EventProgress['event'], 'type' | 'createdAt' | 'canceledAt'>
  }
  endpoint: Pick<EndpointRecord, 'id' | 'eventTypes' | 'createdVersion' | 'updatedAt'>
  /** Whether the endpoint has a delivery of the event. */
  hasDelivery: boolean
}

export function explain(input: ExplainInput): { matched: boolean; reason: ExplainReason } {
  const { progress, endpoint, hasDelivery } = input
  if (progress.endpointIds !== null && !progress.endpointIds.includes(endpoint.id)) return no('not_addressed')
  if (endpoint.createdVersion > progress.endpointsVersion) return hasDelivery ? yes('backfilled') : no('created_later')
  const addressed = progress.endpointIds !== null
  const wanted = addressed || matches(endpoint.eventTypes, progress.event.type)
  if (hasDelivery) return yes(addressed ? 'addressed' : wanted ? 'type_matches' : 'changed_since')
  return wanted ? withoutDelivery(input, addressed) : no('type_differs')
}

/** Why there is none, though by what the endpoint is now there should be. */
function withoutDelivery(
  { progress, endpoint }: ExplainInput,
  addressed: boolean,
): { matched: boolean; reason: ExplainReason } {
  const { event, fanningOut } = progress
  if (fanningOut) return yes('still_fanning_out')
  // Addressed, its patterns do not matter, nor when they changed.
  if (!addressed && endpoint.updatedAt > event.createdAt) return no('changed_since')
  return yes(event.canceledAt !== null ? 'event_canceled' : 'delivery_removed')
}

const yes = (reason: ExplainReason) => ({ matched: true, reason })
const no = (reason: ExplainReason) => ({ matched: false, reason })
