import { WebhookError } from '../../errors.ts'
import type { Lease } from '../../model/delivery.ts'
import type { NewDelivery } from '../../ports/storage.ts'
import { enqueue, hasDue, isBlocked, lease } from './lanes.ts'
import { leaseOf } from './records.ts'
import { type DeliveryRow, type EndpointRow, type EventRow, nextKey, type Tables } from './tables.ts'
import { takeTurn } from './turns.ts'

/** A new delivery with its endpoint found. */
export interface Addressed extends Omit<NewDelivery, 'endpointId'> {
  endpoint: EndpointRow
}

/** Finds the endpoints first, so that an unknown one fails before anything is written. */
export function address(tables: Tables, deliveries: readonly NewDelivery[]): Addressed[] {
  return deliveries.map(({ endpointId, dueAt, leaseUntil }) => {
    const endpoint = tables.endpoints.get(endpointId)
    if (endpoint === undefined) {
      const message = `There is no endpoint ${endpointId}: load the tenant's endpoints again.`
      throw new WebhookError('endpoint_not_found', message)
    }
    return { endpoint, dueAt, leaseUntil }
  })
}

/**
 * Writes one delivery, leased where that is wanted, it has its turn, and its lane is idle. One that exists already is left as it
 * is. `replayId`: of a backfill, whose deliveries take no turns.
 */
export function insertDelivery(
  tables: Tables,
  event: EventRow,
  { endpoint, dueAt, leaseUntil }: Addressed,
  now: number,
  worker: string,
  replayId: string | null = null,
): Lease | null {
  if (event.deliveries.has(endpoint.record.id)) return null
  const row: DeliveryRow = {
    key: nextKey(tables),
    event,
    endpoint,
    createdAt: now,
    state: 'pending',
    reason: null,
    round: 1,
    step: 0,
    lost: 0,
    claim: 0,
    dueAt,
    ordered: event.record.orderingKey !== null && replayId === null,
    lease: null,
    endedAt: null,
    replayId,
    attempts: [],
    attemptCount: 0,
  }
  event.deliveries.set(endpoint.record.id, row)
  tables.deliveries.set(row.key, row)
  tables.deliveriesByCreation.add(row)
  if (row.ordered && !takeTurn(row)) return null
  if (leaseUntil === null || isBlocked(endpoint, now) || hasDue(endpoint, now)) {
    enqueue(row)
    return null
  }
  lease(tables, row, { worker, leasedAt: now, until: leaseUntil })
  return leaseOf(row, { leasedAt: now, until: leaseUntil })
}
