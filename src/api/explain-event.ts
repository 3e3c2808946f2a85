import { plainObject } from '../arguments.ts'
import { type ExplainReason, explain } from '../pipeline/explain.ts'
import type { Core } from './core.ts'
import { type Listed, listed, pageInput } from './cursor.ts'
import { eventProgress } from './event-access.ts'
import type { Scope } from './scope.ts'

/** What an event has to do with one endpoint. */
export interface Explanation {
  /** The endpoint, as it is now. */
  endpointId: string
  /** Whether the event is for this endpoint. */
  matched: boolean
  /** Why it is, or is not, for this endpoint. */
  reason: ExplainReason
  /** Null: the endpoint has no delivery of it. */
  deliveryId: string | null
}

/** One page, newest endpoints first. Throws `event_not_found`. */
export async function explainEvent(
  core: Core,
  scope: Scope,
  id: string,
  options: unknown,
): Promise<Listed<Explanation>> {
  const page = pageInput(plainObject(options, 'events.explain', ['limit', 'cursor']), 'events.explain', 'explain', id)
  // In this order: deliveries that are still being written now are either seen below, or still being written.
  const progress = await eventProgress(core, scope, id)
  const { tenant } = progress.event
  const endpoints = await core.ask((storage) =>
    storage.listEndpoints({ tenant, states: null, changedSince: null, ...page }),
  )
  const endpointIds = endpoints.items.map((endpoint) => endpoint.id)
  const deliveries =
    endpointIds.length === 0 ? [] : await core.ask((storage) => storage.deliveriesOf({ eventId: id, endpointIds }))
  const deliveryIds = new Map(deliveries.map((delivery) => [delivery.endpointId, delivery.id]))
  return listed(endpoints, 'explain', id, (endpoint) => {
    const deliveryId = deliveryIds.get(endpoint.id) ?? null
    return {
      endpointId: endpoint.id,
      ...explain({ progress, endpoint, hasDelivery: deliveryId !== null }),
      deliveryId,
    }
  })
}
