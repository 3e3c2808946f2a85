import { WebhookError } from '../../errors.ts'
import type { Lease } from '../../model/delivery.ts'
import { deliveryId } from '../../model/ids.ts'
import type { NewDelivery } from '../../ports/storage.ts'
import { batchOf } from './batch.ts'
import type { Connection } from './connection.ts'
import { type Lane, Lanes } from './lanes.ts'
import { stateNumber, WAITING } from './rows.ts'
import { keysInUse, turnOf } from './turns.ts'

/** The event that a delivery belongs to. */
export interface Parent {
  key: number
  id: string
  tenant: string
  orderingKey: string | null
}

export type Wanted = NewDelivery & { event: Parent }

/** What became of those that are not simply pending. */
export interface Written {
  leases: Lease[]
  /** By event: how many wait for their turn. */
  waiting: Map<string, number>
}

interface Row extends Wanted {
  lane: Lane
  /** Behind another of its ordering key. */
  waits: boolean
}

const DELIVERIES = batchOf<Row>({
  event_key: ['bigint', ({ event }) => event.key],
  endpoint_key: ['bigint', ({ lane }) => lane.endpointKey],
  tenant_key: ['bigint', ({ lane }) => lane.tenantKey],
  state: ['smallint', ({ waits, leaseUntil }) => stateOfNew(waits, leaseUntil)],
  due_at: ['bigint', ({ dueAt }) => dueAt],
  lease_until: ['bigint', ({ leaseUntil }) => leaseUntil],
  ordering_key: ['text', ({ event }) => event.orderingKey],
})

function stateOfNew(waits: boolean, leaseUntil: number | null): number {
  if (waits) return WAITING
  return stateNumber(leaseUntil === null ? 'pending' : 'leased')
}

/**
 * Writes deliveries, leased where that is wanted and their lane is idle. Those that exist already are left as they are. Only
 * lanes are locked that get something pending, or something with an ordering key.
 */
export async function insertDeliveries(
  db: Connection,
  wanted: Wanted[],
  { now, worker }: { now: number; worker: string | null },
): Promise<Written> {
  const result: Written = { leases: [], waiting: new Map() }
  if (wanted.length === 0) return result
  const lanes = new Lanes(db, now)
  const rows = await decideUnderLock(db, lanes, wanted, now)
  const written = await db.all<{ key: number; eventKey: number; endpointKey: number }>(
    `INSERT INTO {delivery} (event_key, endpoint_key, tenant_key, state, claim, created_at, due_at, leased_at,
      lease_until, worker, ordering_key)
    SELECT event_key, endpoint_key, tenant_key, state, (lease_until IS NOT NULL)::int, $1::bigint, due_at,
      CASE WHEN lease_until IS NOT NULL THEN $1::bigint END, lease_until, CASE WHEN lease_until IS NOT NULL THEN $2::text END,
      ordering_key
    FROM ${DELIVERIES.from('i', 3)} ORDER BY ord
    ON CONFLICT (event_key, endpoint_key) DO NOTHING
    RETURNING key, event_key AS "eventKey", endpoint_key AS "endpointKey"`,
    now,
    worker,
    ...DELIVERIES.values(rows),
  )
  const keys = new Map(written.map(({ key, eventKey, endpointKey }) => [`${eventKey} ${endpointKey}`, key]))
  for (const row of rows) {
    const pair = `${row.event.key} ${row.lane.endpointKey}`
    const key = keys.get(pair)
    if (key === undefined) continue
    keys.delete(pair)
    if (row.waits) {
      result.waiting.set(row.event.id, (result.waiting.get(row.event.id) ?? 0) + 1)
      lanes.wait(row.lane, row.dueAt)
    } else if (row.leaseUntil === null) lanes.enqueue(row.lane, row.dueAt)
    else result.leases.push(leaseOf(row, key, row.leaseUntil, now))
  }
  await lanes.flush()
  return result
}

/**
 * Those without an ordering key are decided by what is seen without a lock. Whether another of an ordering key is unfinished is
 * asked in a statement of its own, under the lock: it sees whatever was committed by who held it before. Then all are decided
 * anew, so that each lane is seen in one state; one that is not locked has not changed, as it was not read again.
 */
async function decideUnderLock(db: Connection, lanes: Lanes, wanted: Wanted[], now: number): Promise<Row[]> {
  const looks = wanted.some(({ leaseUntil }) => leaseUntil !== null)
  await lanes.read(wanted.map(({ endpointId }) => endpointId))
  if (looks) await lanes.look(now)
  const rows = decide(lanes, wanted, now, new Set())
  const ordered = rows.filter(({ event }) => event.orderingKey !== null)
  const left = rows.filter(({ leaseUntil, event }) => leaseUntil === null || event.orderingKey !== null)
  await lanes.lock(left.map(({ endpointId }) => endpointId))
  // The locked are read anew: rows are to have the lanes that are going to be written.
  if (ordered.length === 0) return rows.map((row) => ({ ...row, lane: lanes.find(row.endpointId) ?? row.lane }))
  if (looks) await lanes.look(now)
  const turns = ordered.map(({ lane, event }) => ({
    endpointKey: lane.endpointKey,
    orderingKey: event.orderingKey ?? '',
  }))
  return decide(lanes, wanted, now, await keysInUse(db, turns))
}

/** One after the other: what is left to a claim and due keeps those behind it from being leased. */
function decide(lanes: Lanes, wanted: Wanted[], now: number, inUse: Set<string>): Row[] {
  const backlog = new Set<string>()
  return wanted.map((one) => {
    const { event, endpointId, dueAt, leaseUntil } = one
    const lane = lanes.find(endpointId)
    if (lane === undefined) {
      throw new WebhookError(
        'endpoint_not_found',
        `There is no endpoint ${endpointId}: load the tenant's endpoints again.`,
      )
    }
    if (event.orderingKey !== null) {
      const turn = turnOf({ endpointKey: lane.endpointKey, orderingKey: event.orderingKey })
      if (inUse.has(turn)) return { ...one, lane, leaseUntil: null, waits: true }
      inUse.add(turn)
    }
    const leased = leaseUntil !== null && !backlog.has(endpointId) && lanes.isIdle(lane, now)
    if (!leased && dueAt <= now) backlog.add(endpointId)
    return { ...one, lane, leaseUntil: leased ? leaseUntil : null, waits: false }
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
    ordered: event.orderingKey !== null,
    leasedAt: now,
    until,
  }
}
