import type { EndpointState } from '../../model/endpoint.ts'
import type { Connection } from './connection.ts'
import type { Health } from './health.ts'

/** One endpoint's queue, as read in a transaction and changed there. Flags are 0 or 1. */
export interface Lane extends Health {
  endpointKey: number
  endpointId: string
  tenantKey: number
  state: EndpointState
  deleted: number
  heldSince: number | null
  readyAt: number | null
  holdAt: number | null
  blockedUntil: number
  deferredUntil: number
  claimedAt: number
  claimedTurn: number
}

/** Before every moment: deliveries of a deleted endpoint need not be held for any time. */
const HELD_EVER = -1

const SELECT_LANE = `
  SELECT l.endpoint_key AS endpointKey, e.id AS endpointId, l.tenant_key AS tenantKey, l.state, l.deleted,
    l.held_since AS heldSince, l.ready_at AS readyAt, l.hold_at AS holdAt, l.blocked_until AS blockedUntil,
    l.deferred_until AS deferredUntil, l.claimed_at AS claimedAt, l.claimed_turn AS claimedTurn, l.failing_since AS failingSince, l.failures,
    l.recovered_at AS recoveredAt, l.last_failure_at AS lastFailureAt, l.struggling, l.warned
  FROM {endpoint} AS e CROSS JOIN {lane} AS l ON l.endpoint_key = e.key
  WHERE e.id = ?`

/**
 * The lanes that one transaction touches, each read once and written once, at `flush`.
 *
 * A lane's place in line, `ready_at`, is exact: the latest of when its oldest pending delivery is due, when it was last
 * claimed from, and when its rest and its deferral end. Held lanes have none; they have `hold_at`, by which `cancelHeld`
 * finds those whose time may be over. A tenant's place follows from its lanes in the same way.
 */
export class Lanes {
  readonly #db: Connection
  readonly #now: number
  readonly #lanes = new Map<string, Lane | undefined>()
  readonly #changed = new Set<Lane>()
  /** Those whose place may have changed, with the last claim from them. */
  readonly #tenants = new Map<number, { claimedAt: number; turn: number }>()
  /** Of the last claim of all; null until it is needed. */
  #turn: number | null = null

  constructor(db: Connection, now: number) {
    this.#db = db
    this.#now = now
  }

  find(endpointId: string): Lane | undefined {
    if (!this.#lanes.has(endpointId)) {
      const lane = this.#db.get<Lane>(SELECT_LANE, endpointId)
      // A claim from a time to come: the clock was set back since. It must not keep the lane waiting until then.
      if (lane !== undefined) lane.claimedAt = Math.min(lane.claimedAt, this.#now)
      this.#lanes.set(endpointId, lane)
    }
    return this.#lanes.get(endpointId)
  }

  /** Not blocked at `now`, and nothing due in it. */
  isIdle(lane: Lane, now: number): boolean {
    if (isHeld(lane) || lane.blockedUntil > now) return false
    if (lane.readyAt === null) return true
    // A place in line that has come tells that something is due; one to come may be due to a deferral.
    return lane.readyAt > now && (this.#oldestDue(lane) ?? Infinity) > now
  }

  /** A delivery of this lane has become pending. */
  enqueue(lane: Lane, dueAt: number): void {
    const place = placeOf(lane, dueAt)
    const before = isHeld(lane) ? lane.holdAt : lane.readyAt
    if (before === null || place < before) this.#place(lane, place)
  }

  /** A delivery was written behind another of its ordering key: only a held lane counts it, for the time it is held. */
  enqueueWaiting(lane: Lane, dueAt: number): void {
    if (isHeld(lane)) this.enqueue(lane, dueAt)
  }

  /** A delivery was claimed from this lane: it goes to the end of the line, and its tenant too. */
  claimed(lane: Lane, now: number): void {
    this.#turn = (this.#turn ?? this.#lastTurn()) + 1
    lane.claimedAt = Math.max(lane.claimedAt, now)
    lane.claimedTurn = this.#turn
    this.#tenants.set(lane.tenantKey, { claimedAt: now, turn: this.#turn })
    this.refresh(lane)
  }

  /** Its rest, deferral, state or deliveries changed: finds its place anew. */
  refresh(lane: Lane): void {
    const due = isHeld(lane) ? this.#oldestHeld(lane) : this.#oldestDue(lane)
    this.#place(lane, due === null ? null : placeOf(lane, due))
  }

  flush(): void {
    for (const lane of this.#changed) {
      this.#db.run(
        `UPDATE {lane} SET ready_at = ?, hold_at = ?, blocked_until = ?, deferred_until = ?, claimed_at = ?,
          claimed_turn = ?
        WHERE endpoint_key = ?`,
        lane.readyAt,
        lane.holdAt,
        lane.blockedUntil,
        lane.deferredUntil,
        lane.claimedAt,
        lane.claimedTurn,
        lane.endpointKey,
      )
    }
    for (const [tenantKey, { claimedAt, turn }] of this.#tenants) {
      this.#db.run(
        `UPDATE {tenant} SET claimed_at = max(min(claimed_at, @now), @claimedAt), claimed_turn = max(claimed_turn, @turn),
          ready_at = max(min(claimed_at, @now), @claimedAt, (
            SELECT ready_at FROM {lane} INDEXED BY {lane_ready}
            WHERE tenant_key = @tenantKey AND ready_at IS NOT NULL ORDER BY ready_at LIMIT 1))
        WHERE key = @tenantKey`,
        { tenantKey, claimedAt, turn, now: this.#now },
      )
    }
    if (this.#turn !== null) this.#db.run(`UPDATE {meta} SET value = ? WHERE name = 'turn'`, this.#turn)
  }

  #place(lane: Lane, place: number | null): void {
    const held = isHeld(lane)
    lane.readyAt = held ? null : place
    lane.holdAt = held ? place : null
    this.#changed.add(lane)
    if (!this.#tenants.has(lane.tenantKey)) this.#tenants.set(lane.tenantKey, { claimedAt: 0, turn: 0 })
  }

  #lastTurn(): number {
    return this.#db.get<{ value: number }>(`SELECT value FROM {meta} WHERE name = 'turn'`)?.value ?? 0
  }

  #oldestDue(lane: Lane): number | null {
    const row = this.#db.get<{ dueAt: number }>(
      `SELECT due_at AS dueAt FROM {delivery} INDEXED BY {delivery_pending}
      WHERE endpoint_key = ? AND state = 0 ORDER BY due_at LIMIT 1`,
      lane.endpointKey,
    )
    return row?.dueAt ?? null
  }

  /** Also of those that wait for their turn: their time runs, too. */
  #oldestHeld(lane: Lane): number | null {
    const row = this.#db.get<{ dueAt: number }>(
      `SELECT due_at AS dueAt FROM {delivery} INDEXED BY {delivery_waiting}
      WHERE endpoint_key = ? AND state = 5 ORDER BY due_at LIMIT 1`,
      lane.endpointKey,
    )
    const due = this.#oldestDue(lane)
    return row === undefined || due === null ? (row?.dueAt ?? due) : Math.min(row.dueAt, due)
  }
}

export function isHeld(lane: Lane): boolean {
  return lane.heldSince !== null || lane.deleted === 1
}

function placeOf(lane: Lane, dueAt: number): number {
  if (lane.deleted === 1) return HELD_EVER
  if (lane.heldSince !== null) return Math.max(lane.heldSince, dueAt)
  return Math.max(dueAt, lane.blockedUntil, lane.deferredUntil, lane.claimedAt)
}
