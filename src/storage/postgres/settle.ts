import type { AttemptRecord } from '../../model/attempt.ts'
import { deliveryKey } from '../../model/ids.ts'
import type { Observation, Settlement, SettleResult, SettleStatus } from '../../ports/storage.ts'
import { observe } from '../observe.ts'
import { batchOf } from './batch.ts'
import type { Connection } from './connection.ts'
import { healthOf } from './health.ts'
import { type Lane, Lanes } from './lanes.ts'
import { stateNumber, textOf } from './rows.ts'
import { promote, type Turn } from './turns.ts'

interface Item {
  settlement: Settlement
  key: number
  lane: Lane
  status: SettleStatus
  /** Of the delivery, as stored. */
  orderingKey: string | null
}

const attempt = (of: (attempt: AttemptRecord) => ReturnType<Parameters<typeof batchOf<Item>>[0][string][1]>) => {
  return (item: Item) => of(item.settlement.attempt)
}

const ITEMS = batchOf<Item>({
  key: ['bigint', ({ key }) => key],
  claim: ['integer', ({ settlement }) => settlement.claim],
  endpoint_key: ['bigint', ({ lane }) => lane.endpointKey],
  state: ['smallint', ({ settlement }) => stateNumber(settlement.next.state)],
  due_at: ['bigint', ({ settlement: { next } }) => (next.state === 'pending' ? next.dueAt : null)],
  step: ['integer', ({ settlement: { next } }) => (next.state === 'pending' ? next.step : null)],
  lost: ['integer', ({ settlement: { next } }) => (next.state === 'pending' ? next.lost : null)],
  reason: ['text', ({ settlement: { next } }) => (next.state === 'pending' ? null : next.reason)],
  ended_at: ['bigint', ({ settlement: { next } }) => (next.state === 'pending' ? null : next.endedAt)],
  number: ['integer', attempt(({ number }) => number)],
  round: ['integer', attempt(({ round }) => round)],
  started_at: ['bigint', attempt(({ startedAt }) => startedAt)],
  duration_ms: ['double precision', attempt(({ durationMs }) => durationMs)],
  status: ['integer', attempt(({ status }) => status)],
  outcome: ['text', attempt(({ outcome }) => outcome)],
  remote_address: ['text', attempt(({ remoteAddress }) => remoteAddress)],
  timings: ['text', attempt(timingsText)],
  error: ['text', attempt(({ error }) => error && JSON.stringify(error))],
  url: ['text', attempt(({ url }) => url)],
  request_headers: ['text', attempt(({ requestHeaders }) => textOf(requestHeaders))],
  response_headers: ['text', attempt(({ responseHeaders }) => textOf(responseHeaders))],
  response_body: ['bytea', attempt(({ responseBody }) => responseBody)],
})

/** A healthy endpoint's success reads its lane, and writes delivery and attempt: two statements for the whole batch. */
export async function settle(
  db: Connection,
  { now, settlements }: { now: number; settlements: Settlement[] },
): Promise<SettleResult> {
  const lanes = new Lanes(db, now)
  await lanes.read(settlements.map(({ endpointId }) => endpointId))
  await lanes.lock(
    settlements.filter((one) => movesLane(lanes.find(one.endpointId), one, now)).map(({ endpointId }) => endpointId),
  )
  const items = settlements.map((settlement): Item | null => {
    const key = deliveryKey(settlement.deliveryId)
    const lane = lanes.find(settlement.endpointId)
    return key === null || lane === undefined ? null : { settlement, key, lane, status: 'stale', orderingKey: null }
  })
  const known = items.filter((item) => item !== null)
  for (const turn of turnsOf(known)) await write(db, turn, now)
  await tellRepeats(db, known)

  const failing = new Set<Lane>()
  for (const item of known) {
    if (!isWritten(item)) continue
    const { lane, settlement } = item
    if (observeLane(lane, settlement.observation)) {
      lanes.save(lane)
      if (settlement.observation?.kind === 'failure') failing.add(lane)
    }
    moveLane(lanes, item, now)
  }
  const promotedDueAt = await makeWay(db, lanes, known, now)
  await lanes.flush()
  return {
    statuses: items.map((item) => item?.status ?? 'stale'),
    health: [...failing].map((lane) => ({
      endpointId: lane.endpointId,
      state: lane.state,
      urlVersion: lane.urlVersion,
      health: healthOf(lane),
    })),
    promotedDueAt,
  }
}

function isWritten({ status }: Item): boolean {
  return status === 'applied' || status === 'canceled'
}

/** It has come to rest by this settlement. */
function rests({ status, settlement: { next } }: Item): boolean {
  return status === 'canceled' || (status === 'applied' && next.state !== 'pending')
}

/** True: its health has changed. A deleted endpoint is no longer observed. */
function observeLane(lane: Lane, observation: Observation | null): boolean {
  if (observation === null || lane.deleted) return false
  const health = observe(healthOf(lane), observation)
  if (health !== null) Object.assign(lane, health)
  return health !== null
}

/** Whether its lane may have to be written, and so is locked. Seen without the lock: what comes later comes after it. */
function movesLane(lane: Lane | undefined, settlement: Settlement, now: number): boolean {
  if (lane === undefined) return false
  const { next, observation, blockLaneUntil, ordered } = settlement
  return (
    next.state === 'pending' ||
    // It may be another's turn.
    ordered ||
    observation?.kind === 'failure' ||
    (observation !== null && lane.failingSince !== null) ||
    lane.deferredUntil > now ||
    (blockLaneUntil !== null && blockLaneUntil > lane.blockedUntil)
  )
}

/** Settlements of one delivery are written one after the other. */
function turnsOf(items: Item[]): Item[][] {
  const turns: Item[][] = []
  const seen = new Map<number, number>()
  for (const item of items) {
    const turn = seen.get(item.key) ?? 0
    seen.set(item.key, turn + 1)
    const group = turns[turn]
    if (group === undefined) turns.push([item])
    else group.push(item)
  }
  return turns
}

/**
 * Moves on those leased under their claim, with the attempt; locked in the order of their keys. One whose event was canceled
 * meanwhile does not become pending again. The cast of the state keeps the planner from looking for each among all that are leased.
 */
async function write(db: Connection, items: Item[], now: number): Promise<void> {
  const rows = await db.all<{ key: number; canceled: boolean; orderingKey: string | null }>(
    `WITH held AS MATERIALIZED (
      SELECT i.*, i.state = 0 AND d.reason IS NOT DISTINCT FROM 'event_canceled' AS canceled
      FROM ${ITEMS.from('i', 2)} CROSS JOIN LATERAL (
        SELECT reason FROM {delivery}
        WHERE key = i.key AND state::integer = 1 AND claim = i.claim AND endpoint_key = i.endpoint_key
        FOR UPDATE) AS d
    ), moved AS (
      UPDATE {delivery} AS d SET state = CASE WHEN i.canceled THEN 4 ELSE i.state END,
        due_at = coalesce(i.due_at, d.due_at), step = coalesce(i.step, d.step), lost = coalesce(i.lost, d.lost),
        reason = CASE WHEN i.canceled THEN d.reason ELSE i.reason END,
        ended_at = CASE WHEN i.canceled THEN $1 ELSE i.ended_at END,
        leased_at = NULL, lease_until = NULL, worker = NULL
      FROM held AS i WHERE d.key = i.key
      RETURNING i.*, d.ordering_key
    ), written AS (
      INSERT INTO {attempt} (delivery_key, number, round, started_at, duration_ms, status, outcome, remote_address,
        timings, error, url, request_headers, response_headers, response_body)
      SELECT key, number, round, started_at, duration_ms, status, outcome, remote_address,
        timings, error, url, request_headers, response_headers, response_body
      FROM moved
    )
    SELECT key, canceled, ordering_key AS "orderingKey" FROM moved`,
    now,
    ...ITEMS.values([...items].sort((a, b) => a.key - b.key)),
  )
  const moved = new Map(rows.map(({ key, ...row }) => [key, row]))
  for (const item of items) {
    const row = moved.get(item.key)
    if (row === undefined) continue
    item.status = row.canceled ? 'canceled' : 'applied'
    item.orderingKey = row.orderingKey
  }
}

/** Gives the next of their ordering keys its turn, where the head has come to rest. Returns when the first of those is due. */
async function makeWay(db: Connection, lanes: Lanes, items: Item[], now: number): Promise<number | null> {
  const turns = items.filter(rests).flatMap(({ settlement, lane, orderingKey }): Turn[] => {
    return settlement.ordered && orderingKey !== null ? [{ endpointKey: lane.endpointKey, orderingKey }] : []
  })
  const promoted = await promote(db, turns, now)
  const laneOf = new Map(items.map(({ lane }) => [lane.endpointKey, lane]))
  for (const { endpointKey, dueAt } of promoted) {
    const lane = laneOf.get(endpointKey)
    if (lane !== undefined) lanes.enqueue(lane, dueAt)
  }
  return promoted.reduce<number | null>((first, { dueAt }) => Math.min(first ?? dueAt, dueAt), null)
}

/** Of those that were not written: which were, by an earlier call whose answer got lost. */
async function tellRepeats(db: Connection, items: Item[]): Promise<void> {
  const rest = items.filter(({ status }) => status === 'stale')
  if (rest.length === 0) return
  const rows = await db.all<{ ord: number }>(
    `SELECT i.ord FROM ${ITEMS.from('i')}
    JOIN {attempt} AS a ON a.delivery_key = i.key AND a.number = i.number
    WHERE a.outcome = i.outcome AND a.started_at = i.started_at`,
    ...ITEMS.values(rest),
  )
  for (const { ord } of rows) {
    const item = rest[ord - 1]
    if (item !== undefined) item.status = 'alreadyApplied'
  }
}

/** A success at a healthy endpoint that rests nowhere passes through here without a change. */
function moveLane(lanes: Lanes, item: Item, now: number): void {
  const { lane, settlement } = item
  const { next, blockLaneUntil } = settlement
  const blocked = blockLaneUntil !== null && blockLaneUntil > lane.blockedUntil
  const deferred = lane.deferredUntil > now
  if (blocked) lane.blockedUntil = blockLaneUntil
  // Ended now: it stands in line from now on, not from before.
  if (deferred) lane.deferredUntil = now
  if (blocked || deferred) lanes.refresh(lane)
  else if (next.state === 'pending' && !rests(item)) lanes.enqueue(lane, next.dueAt)
}

/** Without their names, which would take more room than the figures. */
function timingsText({ timings }: AttemptRecord): string | null {
  return timings && JSON.stringify([timings.dnsMs, timings.connectMs, timings.tlsMs, timings.headersMs, timings.bodyMs])
}
