import type { AttemptRecord } from '../../model/attempt.ts'
import type { Settlement, SettleResult, SettleStatus } from '../../ports/storage.ts'
import { observe } from '../observe.ts'
import { findDelivery } from './find-delivery.ts'
import { endLease, enqueue } from './lanes.ts'
import type { DeliveryRow, EndpointRow, Tables } from './tables.ts'
import { endTurn } from './turns.ts'

interface SettleInput {
  now: number
  settlements: Settlement[]
}

export function settle(tables: Tables, { now, settlements }: SettleInput): SettleResult {
  const failed = new Set<EndpointRow>()
  let promotedDueAt = Number.POSITIVE_INFINITY
  // Copied first, so that one that cannot be read fails before anything is written.
  const copies = settlements.map((settlement) => ({ ...settlement, attempt: { ...settlement.attempt } }))
  const statuses = copies.map((settlement): SettleStatus => {
    const row = findDelivery(tables, settlement.deliveryId)
    if (row === undefined) return 'stale'
    if (row.lease === null || row.claim !== settlement.claim) {
      return isWritten(row, settlement.attempt) ? 'alreadyApplied' : 'stale'
    }
    const canceled = row.reason === 'event_canceled' && settlement.next.state === 'pending'
    const next = canceled ? ({ state: 'canceled', reason: 'event_canceled', endedAt: now } as const) : settlement.next
    const promoted = moveOn(tables, row, { ...settlement, next }, now)
    promotedDueAt = Math.min(promotedDueAt, promoted?.dueAt ?? promotedDueAt)
    moveLane(row.endpoint, settlement, now)
    if (applyObservation(row.endpoint, settlement)) failed.add(row.endpoint)
    return canceled ? 'canceled' : 'applied'
  })
  return {
    statuses,
    health: [...failed].map(verdictOf),
    promotedDueAt: promotedDueAt === Number.POSITIVE_INFINITY ? null : promotedDueAt,
  }
}

function isWritten({ attempts }: DeliveryRow, { number, outcome, startedAt }: AttemptRecord): boolean {
  return attempts.some((one) => one.number === number && one.outcome === outcome && one.startedAt === startedAt)
}

/** Writes the attempt and the delivery's next state. Returns the one whose turn came by this. */
function moveOn(
  tables: Tables,
  row: DeliveryRow,
  { attempt, next, ordered }: Settlement,
  now: number,
): DeliveryRow | null {
  endLease(tables, row)
  row.attempts.push(attempt)
  row.attemptCount += 1
  if (next.state === 'pending') {
    row.dueAt = next.dueAt
    row.step = next.step
    row.lost = next.lost
    enqueue(row)
    return null
  }
  row.state = next.state
  row.reason = next.reason
  row.endedAt = next.endedAt
  return ordered ? endTurn(row, now) : null
}

function moveLane({ lane }: EndpointRow, { blockLaneUntil }: Settlement, now: number): void {
  // The slot that this settlement freed is what the lane was waiting for.
  lane.deferredUntil = Math.min(lane.deferredUntil, now)
  if (blockLaneUntil !== null) lane.blockedUntil = Math.max(lane.blockedUntil, blockLaneUntil)
}

/** True: a failure was written. A deleted endpoint is no longer observed. */
function applyObservation(endpoint: EndpointRow, { observation }: Settlement): boolean {
  if (observation === null || endpoint.deleted) return false
  const health = observe(endpoint.record.health, observation)
  if (health === null) return false
  endpoint.record = { ...endpoint.record, health }
  return observation.kind === 'failure'
}

function verdictOf({ record }: EndpointRow): SettleResult['health'][number] {
  const { id, state, urlVersion, health } = record
  return { endpointId: id, state, urlVersion, health: { ...health } }
}
