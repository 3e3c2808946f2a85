import { observe, type Settlement, type SettleResult, type SettleStatus } from 'hookferry/storage'
import { key } from './keys.ts'
import { changeLane, saveDelivery } from './lanes.ts'
import { deliveryKey, textOf } from './records.ts'
import type { DeliveryRow } from './rows.ts'
import type { Reader, Writer } from './store/store.ts'
import { attempts, deliveries, endpoints, lanes } from './tables.ts'
import { endTurn } from './turns.ts'

export function settle(db: Writer, { now, settlements }: { now: number; settlements: Settlement[] }): SettleResult {
  const failed = new Set<string>()
  const promoted: number[] = []
  const statuses = settlements.map((settlement): SettleStatus => {
    const row = deliveries.find(db, deliveryKey(settlement.deliveryId))
    if (row === undefined) return 'stale'
    if (row.lease === null || row.claim !== settlement.claim) {
      return isWritten(db, row, settlement) ? 'alreadyApplied' : 'stale'
    }
    const canceled = row.reason === 'event_canceled' && settlement.next.state === 'pending'
    const next = canceled ? ({ state: 'canceled', reason: 'event_canceled', endedAt: now } as const) : settlement.next
    writeAttempt(db, row, settlement)
    promoted.push(...moveOn(db, row, next, now))
    if (moveLane(db, settlement, now)) failed.add(row.endpointId)
    return canceled ? 'canceled' : 'applied'
  })
  return {
    statuses,
    health: [...failed].map((endpointId) => verdictOf(db, endpointId)),
    promotedDueAt: promoted.length === 0 ? null : Math.min(...promoted),
  }
}

/** This very settlement, whose answer got lost: its attempt is there. One lost and one that came too late share a number. */
function isWritten(db: Reader, row: DeliveryRow, { attempt }: Settlement): boolean {
  const written = attempts.find(db, key(row.key, attempt.number))?.record
  return written?.outcome === attempt.outcome && written.startedAt === attempt.startedAt
}

function writeAttempt(db: Writer, row: DeliveryRow, { attempt }: Settlement): void {
  const { responseBody, ...record } = attempt
  attempts.put(db, { deliveryKey: row.key, body: responseBody === null ? null : textOf(responseBody), record })
}

/** Writes the next state. Returns when the delivery is due whose turn came by this. */
function moveOn(db: Writer, row: DeliveryRow, next: Settlement['next'], now: number): number[] {
  const settled = { ...row, ...next, lease: null, attemptCount: row.attemptCount + 1 }
  saveDelivery(db, settled, now)
  const promoted = next.state === 'pending' ? null : endTurn(db, settled, now, now)
  return promoted === null ? [] : [promoted]
}

/** Writes what the attempt tells about the lane and its endpoint. True: a failure was written. */
function moveLane(db: Writer, { endpointId, observation, blockLaneUntil }: Settlement, now: number): boolean {
  const lane = lanes.get(db, endpointId)
  // A deleted endpoint is no longer observed.
  const health = observation === null || lane.deleted ? null : observe(lane.health, observation)
  changeLane(db, endpointId, now, {
    health: health ?? lane.health,
    blockedUntil: Math.max(lane.blockedUntil, blockLaneUntil ?? 0),
    // The slot that this settlement freed is what the lane was waiting for.
    deferredUntil: Math.min(lane.deferredUntil, now),
  })
  return health !== null && observation?.kind === 'failure'
}

function verdictOf(db: Reader, endpointId: string): SettleResult['health'][number] {
  const { state, urlVersion } = endpoints.get(db, endpointId).record
  return { endpointId, state, urlVersion, health: lanes.get(db, endpointId).health }
}
