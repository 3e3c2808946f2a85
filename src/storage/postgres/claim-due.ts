import type { Lease } from '../../model/delivery.ts'
import type { EventContent } from '../../model/event.ts'
import { deliveryId } from '../../model/ids.ts'
import type { ClaimedDelivery, ClaimInput, LaneGrant } from '../../ports/storage.ts'
import { batchOf } from './batch.ts'
import type { Connection } from './connection.ts'
import { isHeld, type Lane, Lanes } from './lanes.ts'
import { objectOf } from './rows.ts'

interface Granted {
  lane: Lane
  grant: LaneGrant
}

interface ClaimedRow
  extends Pick<Lease, 'claim' | 'round' | 'step' | 'lost' | 'ordered' | 'tenant'>,
    Omit<EventContent, 'headers'> {
  key: number
  ord: number
  /** Of this claim among all: one number for all its rows. */
  turn: number
  headers: string | null
}

const ROOM = batchOf<Granted>({
  endpoint_key: ['bigint', ({ lane }) => lane.endpointKey],
  max: ['bigint', ({ grant }) => grant.limit],
  until: ['bigint', ({ grant }) => grant.leaseUntil],
})

/** Lanes are waited for, not skipped: a claim that was skipped would find nothing where there is something. */
export async function claimDue(db: Connection, { now, worker, room, defer }: ClaimInput): Promise<ClaimedDelivery[]> {
  const lanes = new Lanes(db, now)
  await lanes.lock([...room, ...defer].map(({ endpointId }) => endpointId))
  const granted = room.flatMap((grant): Granted[] => {
    const lane = lanes.find(grant.endpointId)
    return lane === undefined || isHeld(lane) || lane.blockedUntil > now ? [] : [{ lane, grant }]
  })
  const claimed = granted.length === 0 ? [] : await lease(db, lanes, granted, now, worker)
  for (const { endpointId, until } of defer) {
    const lane = lanes.find(endpointId)
    if (lane === undefined) continue
    lane.deferredUntil = until
    lanes.refresh(lane)
  }
  await lanes.flush()
  return claimed
}

/** The oldest due of each lane first. */
async function lease(
  db: Connection,
  lanes: Lanes,
  granted: Granted[],
  now: number,
  worker: string,
): Promise<ClaimedDelivery[]> {
  const rows = await db.all<ClaimedRow>(
    `WITH picked AS MATERIALIZED (
      SELECT d.key, i.until, i.ord
      FROM ${ROOM.from('i', 3)} CROSS JOIN LATERAL (
        SELECT key FROM {delivery} WHERE endpoint_key = i.endpoint_key AND state = 0 AND due_at <= $1
        ORDER BY due_at, key LIMIT i.max FOR UPDATE SKIP LOCKED) AS d
    ), leased AS (
      UPDATE {delivery} AS d SET state = 1, claim = d.claim + 1, leased_at = $1, lease_until = picked.until, worker = $2
      FROM picked WHERE d.key = picked.key
      RETURNING d.key, d.event_key, d.claim, d.round, d.step, d.lost, d.due_at, d.ordering_key IS NOT NULL AS ordered,
        picked.ord
    )
    SELECT l.key, l.claim, l.round, l.step, l.lost, l.ordered, l.ord, e.id, e.tenant, e.type,
      e.content_type AS "contentType", e.body, e.headers, e.created_at AS "createdAt", (SELECT nextval('{turn}')) AS turn
    FROM leased AS l JOIN {event} AS e ON e.key = l.event_key
    ORDER BY l.ord, l.due_at, l.key`,
    now,
    worker,
    ...ROOM.values(granted),
  )
  return rows.map((row) => {
    const from = granted[row.ord - 1]
    if (from === undefined) throw new Error(`no lane ${row.ord}`)
    lanes.claimed(from.lane, now, row.turn)
    return claimedOf(row, from.grant, now)
  })
}

function claimedOf(row: ClaimedRow, { endpointId, leaseUntil }: LaneGrant, now: number): ClaimedDelivery {
  const { key, claim, round, step, lost, ordered, tenant, id, type, contentType, body, headers, createdAt } = row
  return {
    lease: {
      deliveryId: deliveryId(key),
      eventId: id,
      endpointId,
      tenant,
      claim,
      round,
      step,
      lost,
      ordered,
      leasedAt: now,
      until: leaseUntil,
    },
    event: { id, type, contentType, body, headers: objectOf(headers), createdAt },
  }
}
