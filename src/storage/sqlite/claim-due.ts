import type { Lease } from '../../model/delivery.ts'
import { deliveryId } from '../../model/ids.ts'
import type { ClaimedDelivery, ClaimInput, LaneGrant } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { isHeld, type Lane, Lanes } from './lanes.ts'
import { bytesOf, objectOf } from './rows.ts'

interface ClaimedRow extends Pick<Lease, 'claim' | 'round' | 'step' | 'lost'> {
  key: number
  eventKey: number
  ordered: number
}

interface ContentRow {
  id: string
  tenant: string
  type: string
  contentType: string
  body: Uint8Array
  headers: string | null
  createdAt: number
}

export function claimDue(db: Connection, { now, worker, room, defer }: ClaimInput): ClaimedDelivery[] {
  const lanes = new Lanes(db, now)
  const claimed: ClaimedDelivery[] = []
  for (const grant of room) {
    const lane = lanes.find(grant.endpointId)
    if (lane === undefined || isHeld(lane) || lane.blockedUntil > now) continue
    const rows = lease(db, lane, grant, now, worker)
    if (rows.length === 0) continue
    lanes.claimed(lane, now)
    for (const row of rows) claimed.push(claimedOf(db, row, grant, now))
  }
  for (const { endpointId, until } of defer) {
    const lane = lanes.find(endpointId)
    if (lane === undefined) continue
    lane.deferredUntil = until
    lanes.refresh(lane)
  }
  lanes.flush()
  return claimed
}

/** The oldest due first. Found, then updated by key: that is half the work of an UPDATE that finds its rows itself. */
function lease(
  db: Connection,
  lane: Lane,
  { limit, leaseUntil }: LaneGrant,
  now: number,
  worker: string,
): ClaimedRow[] {
  const rows = db.all<ClaimedRow>(
    `SELECT key, event_key AS eventKey, claim + 1 AS claim, round, step, lost,
      ordering_key IS NOT NULL AS ordered
    FROM {delivery} INDEXED BY {delivery_pending}
    WHERE endpoint_key = ? AND state = 0 AND due_at <= ? ORDER BY due_at, key LIMIT ?`,
    lane.endpointKey,
    now,
    limit,
  )
  for (const { key, claim } of rows) {
    db.run(
      'UPDATE {delivery} SET state = 1, claim = ?, leased_at = ?, lease_until = ?, worker = ? WHERE key = ?',
      claim,
      now,
      leaseUntil,
      worker,
      key,
    )
  }
  return rows
}

function claimedOf(
  db: Connection,
  row: ClaimedRow,
  { endpointId, leaseUntil }: LaneGrant,
  now: number,
): ClaimedDelivery {
  const content = db.get<ContentRow>(
    `SELECT e.id, t.name AS tenant, e.type, e.content_type AS contentType, e.body, e.headers, e.created_at AS createdAt
    FROM {event} AS e CROSS JOIN {tenant} AS t ON t.key = e.tenant_key WHERE e.key = ?`,
    row.eventKey,
  )
  if (content === undefined) throw new Error(`delivery ${deliveryId(row.key)} has no event`)
  const { tenant, body, headers, ...event } = content
  const { claim, round, step, lost } = row
  return {
    lease: {
      deliveryId: deliveryId(row.key),
      eventId: event.id,
      endpointId,
      tenant,
      claim,
      round,
      step,
      lost,
      ordered: row.ordered === 1,
      leasedAt: now,
      until: leaseUntil,
    },
    event: { ...event, body: bytesOf(body), headers: objectOf(headers) },
  }
}
