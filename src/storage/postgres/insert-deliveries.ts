import { WebhookError } from '../../errors.ts'
import type { Lease } from '../../model/delivery.ts'
import { deliveryId } from '../../model/ids.ts'
import type { NewDelivery } from '../../ports/storage.ts'
import { batchOf } from './batch.ts'
import type { Connection } from './connection.ts'
import { Lanes } from './lanes.ts'

/** The event that a delivery belongs to. */
export interface Parent {
  key: number
  id: string
  tenant: string
  tenantKey: number
}

export type Wanted = NewDelivery & { event: Parent }

interface Row extends Omit<NewDelivery, 'leaseUntil'> {
  event: Parent
  endpointKey: number
  /** Null: pending. */
  leaseUntil: number | null
}

const DELIVERIES = batchOf<Row>({
  event_key: ['bigint', ({ event }) => event.key],
  endpoint_key: ['bigint', ({ endpointKey }) => endpointKey],
  tenant_key: ['bigint', ({ event }) => event.tenantKey],
  due_at: ['bigint', ({ dueAt }) => dueAt],
  lease_until: ['bigint', ({ leaseUntil }) => leaseUntil],
})

/**
 * Writes deliveries, leased where that is wanted and their lane is idle; returns those leases. Those that exist already are
 * left as they are. Only lanes that get something pending are locked.
 */
export async function insertDeliveries(
  db: Connection,
  wanted: Wanted[],
  { now, worker }: { now: number; worker: string | null },
): Promise<Lease[]> {
  if (wanted.length === 0) return []
  const lanes = new Lanes(db, now)
  await lanes.read(wanted.map(({ endpointId }) => endpointId))
  if (wanted.some(({ leaseUntil }) => leaseUntil !== null)) await lanes.look(now)
  const rows = decide(lanes, wanted, now)
  const left = rows.filter(({ leaseUntil }) => leaseUntil === null)
  await lanes.lock(left.map(({ endpointId }) => endpointId))

  const written = await db.all<{ key: number; eventKey: number; endpointKey: number }>(
    `INSERT INTO {delivery} (event_key, endpoint_key, tenant_key, state, claim, created_at, due_at, leased_at,
      lease_until, worker)
    SELECT event_key, endpoint_key, tenant_key, (lease_until IS NOT NULL)::int, (lease_until IS NOT NULL)::int, $1::bigint, due_at,
      CASE WHEN lease_until IS NOT NULL THEN $1::bigint END, lease_until, CASE WHEN lease_until IS NOT NULL THEN $2::text END
    FROM ${DELIVERIES.from('i', 3)} ORDER BY ord
    ON CONFLICT (event_key, endpoint_key) DO NOTHING
    RETURNING key, event_key AS "eventKey", endpoint_key AS "endpointKey"`,
    now,
    worker,
    ...DELIVERIES.values(rows),
  )
  const keys = new Map(written.map(({ key, eventKey, endpointKey }) => [`${eventKey} ${endpointKey}`, key]))
  const leases: Lease[] = []
  for (const row of rows) {
    const pair = `${row.event.key} ${row.endpointKey}`
    const key = keys.get(pair)
    if (key === undefined) continue
    keys.delete(pair)
    if (row.leaseUntil !== null) leases.push(leaseOf(row, key, row.leaseUntil, now))
    const lane = row.leaseUntil === null ? lanes.find(row.endpointId) : undefined
    if (lane !== undefined) lanes.enqueue(lane, row.dueAt)
  }
  await lanes.flush()
  return leases
}

/** One after the other: what is left to a claim and due keeps those behind it from being leased. */
function decide(lanes: Lanes, wanted: Wanted[], now: number): Row[] {
  const backlog = new Set<string>()
  return wanted.map(({ event, endpointId, dueAt, leaseUntil }) => {
    const lane = lanes.find(endpointId)
    if (lane === undefined) {
      throw new WebhookError(
        'endpoint_not_found',
        `There is no endpoint ${endpointId}: load the tenant's endpoints again.`,
      )
    }
    const leased = leaseUntil !== null && !backlog.has(endpointId) && lanes.isIdle(lane, now)
    if (!leased && dueAt <= now) backlog.add(endpointId)
    return { event, endpointId, endpointKey: lane.endpointKey, dueAt, leaseUntil: leased ? leaseUntil : null }
  })
}

function leaseOf({ event, endpointId }: Row, key: number, until: number, now: number): Lease {
  return {
    deliveryId: deliveryId(key),
    eventId: event.id,
    endpointId,
    tenant: event.tenant,
    claim: 1,
    round: 1,
    step: 0,
    lost: 0,
    leasedAt: now,
    until,
  }
}
