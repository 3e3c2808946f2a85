import { WebhookError } from '../../errors.ts'
import type { Lease } from '../../model/delivery.ts'
import { deliveryId } from '../../model/ids.ts'
import type { NewDelivery } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import type { Lane, Lanes } from './lanes.ts'
import { WAITING } from './rows.ts'
import { isTurnTaken } from './turns.ts'

/** The event that a delivery belongs to. */
export interface Parent {
  key: number
  id: string
  tenant: string
  tenantKey: number
  orderingKey: string | null
}

interface Caller {
  now: number
  worker: string | null
}

/** Leased where that is wanted and its lane is idle; waiting behind another of its ordering key. */
export type Inserted = Lease | 'pending' | 'waiting'

/** Writes one delivery. One that exists already is left as it is: null. `replayKey`: of a backfill. */
export function insertDelivery(
  db: Connection,
  lanes: Lanes,
  event: Parent,
  delivery: NewDelivery,
  caller: Caller,
  replayKey: number | null = null,
): Inserted | null {
  const { endpointId, dueAt } = delivery
  const lane = lanes.find(endpointId)
  if (lane === undefined) {
    throw new WebhookError(
      'endpoint_not_found',
      `There is no endpoint ${endpointId}: load the tenant's endpoints again.`,
    )
  }
  const waits = event.orderingKey !== null && isTurnTaken(db, lane, event.orderingKey)
  const lease = waits ? null : leaseOf(lanes, lane, event, delivery, caller)
  const { changes, key } = db.run(
    `INSERT INTO {delivery} (event_key, endpoint_key, tenant_key, state, claim, created_at, due_at,
      leased_at, lease_until, replay_key, worker, ordering_key)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (event_key, endpoint_key) DO NOTHING`,
    event.key,
    lane.endpointKey,
    event.tenantKey,
    waits ? WAITING : lease === null ? 0 : 1,
    lease === null ? 0 : 1,
    caller.now,
    dueAt,
    lease === null ? null : lease.leasedAt,
    lease === null ? null : lease.until,
    replayKey,
    lease === null ? null : caller.worker,
    event.orderingKey,
  )
  if (changes === 0) return null
  if (lease !== null) return { deliveryId: deliveryId(key), ...lease }
  if (waits) lanes.enqueueWaiting(lane, dueAt)
  else lanes.enqueue(lane, dueAt)
  return waits ? 'waiting' : 'pending'
}

/** Null: not wanted, or a claim has to decide. */
function leaseOf(
  lanes: Lanes,
  lane: Lane,
  event: Parent,
  { endpointId, leaseUntil }: NewDelivery,
  { now, worker }: Caller,
): Omit<Lease, 'deliveryId'> | null {
  if (leaseUntil === null || worker === null || !lanes.isIdle(lane, now)) return null
  return {
    eventId: event.id,
    endpointId,
    tenant: event.tenant,
    claim: 1,
    round: 1,
    step: 0,
    lost: 0,
    ordered: event.orderingKey !== null,
    leasedAt: now,
    until: leaseUntil,
  }
}
