import { deliveryKey } from '../../model/ids.ts'
import type { NextState, Observation, Settlement, SettleResult, SettleStatus } from '../../ports/storage.ts'
import { observe } from '../observe.ts'
import type { Connection } from './connection.ts'
import { healthOf, storedHealth } from './health.ts'
import { insertAttempt } from './insert-attempt.ts'
import { type Lane, Lanes } from './lanes.ts'
import { stateNumber } from './rows.ts'
import { passTurn } from './turns.ts'

export function settle(db: Connection, { now, settlements }: { now: number; settlements: Settlement[] }): SettleResult {
  const lanes = new Lanes(db, now)
  const failing = new Set<Lane>()
  const observed = new Set<Lane>()
  let promotedDueAt: number | null = null
  const statuses = settlements.map((settlement): SettleStatus => {
    const key = deliveryKey(settlement.deliveryId)
    const lane = lanes.find(settlement.endpointId)
    if (key === null || lane === undefined) return 'stale'
    const next = moveOn(db, key, lane, settlement, now)
    if (next === null) return isWritten(db, key, settlement) ? 'alreadyApplied' : 'stale'
    insertAttempt(db, key, settlement.attempt)
    if (observeLane(lane, settlement.observation)) {
      observed.add(lane)
      if (settlement.observation?.kind === 'failure') failing.add(lane)
    }
    moveLane(lanes, lane, { ...settlement, next }, now)
    const dueAt = promote(db, lanes, lane, key, { ...settlement, next }, now)
    if (dueAt !== null) promotedDueAt = Math.min(promotedDueAt ?? dueAt, dueAt)
    return next === settlement.next ? 'applied' : 'canceled'
  })
  for (const lane of observed) saveHealth(db, lane)
  lanes.flush()
  return { statuses, health: [...failing].map((lane) => verdictOf(db, lane)), promotedDueAt }
}

/** True: its health has changed. A deleted endpoint is no longer observed. */
function observeLane(lane: Lane, observation: Observation | null): boolean {
  if (observation === null || lane.deleted === 1) return false
  const health = observe(healthOf(lane), observation)
  if (health !== null) Object.assign(lane, storedHealth(health))
  return health !== null
}

/** Returns the state that was written; null: not leased under this claim. */
function moveOn(db: Connection, key: number, lane: Lane, { claim, next }: Settlement, now: number): NextState | null {
  if (next.state === 'pending') {
    const { changes } = db.run(
      `UPDATE {delivery} SET state = 0, due_at = ?, step = ?, lost = ?, leased_at = NULL, lease_until = NULL, worker = NULL
      WHERE key = ? AND state = 1 AND claim = ? AND endpoint_key = ? AND reason IS NULL`,
      next.dueAt,
      next.step,
      next.lost,
      key,
      claim,
      lane.endpointKey,
    )
    if (changes === 1) return next
  }
  // A leased delivery has a reason where its event was canceled meanwhile: it is not repeated.
  const rest =
    next.state === 'pending' ? ({ state: 'canceled', reason: 'event_canceled', endedAt: now } as const) : next
  const { changes } = db.run(
    `UPDATE {delivery} SET state = ?, reason = ?, ended_at = ?, leased_at = NULL, lease_until = NULL, worker = NULL
    WHERE key = ? AND state = 1 AND claim = ? AND endpoint_key = ?`,
    stateNumber(rest.state),
    rest.reason,
    rest.endedAt,
    key,
    claim,
    lane.endpointKey,
  )
  return changes === 1 ? rest : null
}

function isWritten(db: Connection, key: number, { attempt }: Settlement): boolean {
  const row = db.get<{ outcome: string; startedAt: number }>(
    'SELECT outcome, started_at AS startedAt FROM {attempt} WHERE delivery_key = ? AND number = ?',
    key,
    attempt.number,
  )
  return row?.outcome === attempt.outcome && row.startedAt === attempt.startedAt
}

/** A success at a healthy endpoint that rests nowhere passes through here without a change. */
function moveLane(lanes: Lanes, lane: Lane, { next, blockLaneUntil }: Settlement, now: number): void {
  const rests = blockLaneUntil !== null && blockLaneUntil > lane.blockedUntil
  const deferred = lane.deferredUntil > now
  if (rests) lane.blockedUntil = blockLaneUntil
  // Ended now: it stands in line from now on, not from before.
  if (deferred) lane.deferredUntil = now
  if (rests || deferred) lanes.refresh(lane)
  else if (next.state === 'pending') lanes.enqueue(lane, next.dueAt)
}

/** When the next of its ordering key is due; null: it is no head, goes on being it, or none waits. */
function promote(
  db: Connection,
  lanes: Lanes,
  lane: Lane,
  key: number,
  { ordered, next }: Settlement,
  now: number,
): number | null {
  if (!ordered || next.state === 'pending') return null
  const row = db.get<{ orderingKey: string | null }>(
    'SELECT ordering_key AS orderingKey FROM {delivery} WHERE key = ?',
    key,
  )
  return row === undefined || row.orderingKey === null ? null : passTurn(db, lanes, lane, row.orderingKey, now)
}

function saveHealth(db: Connection, lane: Lane): void {
  db.run(
    `UPDATE {lane} SET failing_since = ?, failures = ?, recovered_at = ?, last_failure_at = ?, struggling = ?, warned = ?
    WHERE endpoint_key = ?`,
    lane.failingSince,
    lane.failures,
    lane.recoveredAt,
    lane.lastFailureAt,
    lane.struggling,
    lane.warned,
    lane.endpointKey,
  )
}

function verdictOf(db: Connection, lane: Lane): SettleResult['health'][number] {
  const row = db.get<{ urlVersion: number }>(
    'SELECT url_version AS urlVersion FROM {endpoint} WHERE key = ?',
    lane.endpointKey,
  )
  return {
    endpointId: lane.endpointId,
    state: lane.state,
    urlVersion: row?.urlVersion ?? 0,
    health: healthOf(lane),
  }
}
