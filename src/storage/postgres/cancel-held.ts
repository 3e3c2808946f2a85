import type { DeliveryRecord } from '../../model/delivery.ts'
import type { CancelHeldInput } from '../../ports/storage.ts'
import { batchOf } from './batch.ts'
import type { Connection } from './connection.ts'
import { DELIVERY_COLUMNS, type DeliveryRow, deliveryOf } from './deliveries.ts'
import { isHeld, type Lane, Lanes } from './lanes.ts'
import { stateNumber } from './rows.ts'
import { JOINED } from './scan.ts'
import { promote } from './turns.ts'

type HeldRow = DeliveryRow & { endpointKey: number; orderingKey: string | null }

const LANES = batchOf<{ lane: Lane; before: number }>({
  endpoint_key: ['bigint', ({ lane }) => lane.endpointKey],
  before: ['bigint', ({ before }) => before],
})

export async function cancelHeld(
  db: Connection,
  { now, heldBefore, limit }: CancelHeldInput,
): Promise<DeliveryRecord[]> {
  const held = await db.all<{ endpointId: string }>(
    `SELECT p.id AS "endpointId"
    FROM (SELECT * FROM {lane} WHERE hold_at < $1 ORDER BY hold_at LIMIT $2) AS l JOIN {endpoint} AS p
      ON p.key = l.endpoint_key
    ORDER BY l.hold_at`,
    // The lanes of deleted endpoints stand before moment 0.
    Math.max(heldBefore, 0),
    limit,
  )
  const lanes = new Lanes(db, now)
  await lanes.lock(held.map(({ endpointId }) => endpointId))
  const still = held.flatMap(({ endpointId }) => {
    const lane = lanes.find(endpointId)
    return lane !== undefined && isHeld(lane) ? [lane] : []
  })
  const rows = await overdue(db, still, heldBefore, limit)
  const canceled = rows.map((row) => {
    const deleted = lanes.find(row.endpointId)?.deleted === true
    const reason = deleted ? ('endpoint_deleted' as const) : ('hold_expired' as const)
    return { ...row, state: stateNumber('canceled'), reason, endedAt: now }
  })
  await db.run(
    `UPDATE {delivery} AS d SET state = 4, reason = i.reason, ended_at = $1
    FROM unnest($2::bigint[], $3::text[]) AS i(key, reason) WHERE d.key = i.key`,
    now,
    canceled.map(({ key }) => key),
    canceled.map(({ reason }) => reason),
  )
  // Where one that waited is canceled its head stays, and nobody's turn comes.
  const turns = rows.flatMap(({ endpointKey, orderingKey, state }) =>
    orderingKey !== null && state === stateNumber('pending') ? [{ endpointKey, orderingKey }] : [],
  )
  await promote(db, turns, null)
  for (const lane of still) lanes.refresh(lane)
  await lanes.flush()
  return canceled.map(deliveryOf)
}

/** The lanes are locked, so that nobody else moves what is pending or waiting in them. */
function overdue(db: Connection, lanes: Lane[], heldBefore: number, limit: number): Promise<HeldRow[]> {
  const oldest = (state: string) => `
    (SELECT * FROM {delivery} WHERE endpoint_key = i.endpoint_key AND ${state} AND due_at < i.before
    ORDER BY due_at, key LIMIT $1)`
  const inputs = lanes.map((lane) => ({ lane, before: lane.deleted ? Number.MAX_SAFE_INTEGER : heldBefore }))
  return db.all<HeldRow>(
    `SELECT d.key, d.created_at AS "createdAt", d.endpoint_key AS "endpointKey", d.ordering_key AS "orderingKey",
      ${DELIVERY_COLUMNS}
    FROM (
      SELECT o.*, i.ord FROM ${LANES.from('i', 2)} CROSS JOIN LATERAL (
        ${oldest('state = 0')} UNION ALL ${oldest('state = 5')}) AS o
      ORDER BY i.ord, o.due_at, o.key LIMIT $1) AS d ${JOINED}
    ORDER BY d.ord, d.due_at, d.key`,
    limit,
    ...LANES.values(inputs),
  )
}
