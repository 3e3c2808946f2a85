import type { EndpointHealth, EndpointState } from '../../model/endpoint.ts'
import { batchOf } from './batch.ts'
import type { Connection } from './connection.ts'

/** One endpoint's queue, as read in a transaction and changed there. */
export interface Lane extends EndpointHealth {
  endpointKey: number
  endpointId: string
  urlVersion: number
  tenantKey: number
  state: EndpointState
  stateReason: string | null
  stateChangedAt: number
  deleted: boolean
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

const SELECT_LANES = `
  SELECT l.endpoint_key AS "endpointKey", p.id AS "endpointId", p.url_version AS "urlVersion",
    l.tenant_key AS "tenantKey", l.state, l.state_reason AS "stateReason", l.state_changed_at AS "stateChangedAt",
    l.deleted, l.held_since AS "heldSince", l.ready_at AS "readyAt", l.hold_at AS "holdAt",
    l.blocked_until AS "blockedUntil", l.deferred_until AS "deferredUntil", l.claimed_at AS "claimedAt",
    l.claimed_turn AS "claimedTurn", l.failing_since AS "failingSince", l.failures, l.recovered_at AS "recoveredAt",
    l.last_failure_at AS "lastFailureAt", l.struggling, l.warned
  FROM {endpoint} AS p JOIN {lane} AS l ON l.endpoint_key = p.key
  WHERE p.id = ANY($1::text[])`

const LANES = batchOf<Lane>({
  endpoint_key: ['bigint', (lane) => lane.endpointKey],
  ready_at: ['bigint', (lane) => lane.readyAt],
  hold_at: ['bigint', (lane) => lane.holdAt],
  blocked_until: ['bigint', (lane) => lane.blockedUntil],
  deferred_until: ['bigint', (lane) => lane.deferredUntil],
  claimed_at: ['bigint', (lane) => lane.claimedAt],
  claimed_turn: ['bigint', (lane) => lane.claimedTurn],
  held_since: ['bigint', (lane) => lane.heldSince],
  failing_since: ['bigint', (lane) => lane.failingSince],
  failures: ['bigint', (lane) => lane.failures],
  recovered_at: ['bigint', (lane) => lane.recoveredAt],
  last_failure_at: ['bigint', (lane) => lane.lastFailureAt],
  state_changed_at: ['bigint', (lane) => lane.stateChangedAt],
  deleted: ['boolean', (lane) => lane.deleted],
  struggling: ['boolean', (lane) => lane.struggling],
  warned: ['boolean', (lane) => lane.warned],
  state: ['text', (lane) => lane.state],
  state_reason: ['text', (lane) => lane.stateReason],
})

interface Line {
  tenantKey: number
  claimedAt: number
  turn: number
}

const LINES = batchOf<Line>({
  tenant_key: ['bigint', (line) => line.tenantKey],
  claimed_at: ['bigint', (line) => line.claimedAt],
  turn: ['bigint', (line) => line.turn],
})

/**
 * The lanes that one transaction touches. They are read without a lock, since a healthy event needs to change none; `lock`
 * reads those anew that are going to change. The pending deliveries of a lane, and the turns of its ordering keys, change under
 * its lock only.
 *
 * A lane's place in line, `ready_at`, is exact: the latest of when its oldest pending delivery is due, when it was last
 * claimed from, and when its rest and its deferral end. Held lanes have none; they have `hold_at`, by which `cancelHeld`
 * finds those whose time may be over; there what waits for its turn counts, too. A tenant's place follows from its lanes in
 * the same way.
 *
 * Rows are locked in this order, by key within each table: idempotency, event, lane, delivery, line; changes of endpoints lock
 * the tenant before all of them.
 */
export class Lanes {
  readonly #db: Connection
  readonly #now: number
  readonly #lanes = new Map<string, Lane>()
  readonly #locked = new Set<Lane>()
  readonly #changed = new Set<Lane>()
  /** Whose place is found anew at `flush`. */
  readonly #stale = new Set<Lane>()
  /** Those whose place may have changed, with the last claim from them. */
  readonly #lines = new Map<number, Line>()
  /** When the oldest pending delivery is due, of lanes whose place does not tell; null: there is none. */
  readonly #oldestDue = new Map<Lane, number | null>()

  constructor(db: Connection, now: number) {
    this.#db = db
    this.#now = now
  }

  async read(endpointIds: Iterable<string>): Promise<void> {
    const ids = [...new Set(endpointIds)]
    if (ids.length === 0) return
    for (const lane of await this.#db.all<Lane>(SELECT_LANES, ids)) this.#keep(lane)
  }

  async lock(endpointIds: Iterable<string>): Promise<void> {
    const ids = [...new Set(endpointIds)]
    if (ids.length === 0) return
    const lanes = await this.#db.all<Lane>(`${SELECT_LANES} ORDER BY l.endpoint_key FOR UPDATE OF l`, ids)
    for (const lane of lanes) {
      this.#keep(lane)
      this.#locked.add(lane)
    }
  }

  #keep(lane: Lane): void {
    // A claim from a time to come: the clock was set back since. It must not keep the lane waiting until then.
    lane.claimedAt = Math.min(lane.claimedAt, this.#now)
    this.#lanes.set(lane.endpointId, lane)
  }

  find(endpointId: string): Lane | undefined {
    return this.#lanes.get(endpointId)
  }

  /**
   * Before `isIdle`: a place to come may be due to a deferral, so that something may be due before it. Looks once at each lane
   * as it was read.
   */
  async look(now: number): Promise<void> {
    const hidden = [...this.#lanes.values()].filter(
      (lane) => lane.readyAt !== null && lane.readyAt > now && !this.#oldestDue.has(lane),
    )
    const due = await this.#oldestDueOf(hidden)
    for (const lane of hidden) this.#oldestDue.set(lane, due.get(lane.endpointKey) ?? null)
  }

  /** Not blocked at `now`, and nothing due in it. */
  isIdle(lane: Lane, now: number): boolean {
    if (isHeld(lane) || lane.blockedUntil > now) return false
    if (lane.readyAt === null) return true
    return lane.readyAt > now && (this.#oldestDue.get(lane) ?? Infinity) > now
  }

  /** A delivery of this lane has become pending. */
  enqueue(lane: Lane, dueAt: number): void {
    const place = placeOf(lane, dueAt)
    const before = isHeld(lane) ? lane.holdAt : lane.readyAt
    if (before === null || place < before) this.#place(lane, place)
  }

  /** A delivery of this lane waits for its turn. */
  wait(lane: Lane, dueAt: number): void {
    if (isHeld(lane)) this.enqueue(lane, dueAt)
  }

  /** Deliveries were claimed from this lane: it goes to the end of the line, and its tenant too. */
  claimed(lane: Lane, now: number, turn: number): void {
    lane.claimedAt = Math.max(lane.claimedAt, now)
    lane.claimedTurn = turn
    this.#lines.set(lane.tenantKey, { tenantKey: lane.tenantKey, claimedAt: now, turn })
    this.refresh(lane)
  }

  /** Its rest, deferral, state or deliveries changed: finds its place anew, from what this transaction has written. */
  refresh(lane: Lane): void {
    this.#stale.add(lane)
    this.save(lane)
  }

  /** Something of it was changed that does not move it in line. */
  save(lane: Lane): void {
    if (!this.#locked.has(lane)) throw new Error(`the lane of ${lane.endpointId} is not locked`)
    this.#changed.add(lane)
  }

  async flush(): Promise<void> {
    const due = await this.#oldestDueOf([...this.#stale])
    for (const lane of this.#stale) {
      const dueAt = due.get(lane.endpointKey)
      this.#place(lane, dueAt === undefined ? null : placeOf(lane, dueAt))
    }
    if (this.#changed.size > 0) {
      const input = LANES.from('i')
      await this.#db.run(
        `UPDATE {lane} AS l SET ready_at = i.ready_at, hold_at = i.hold_at, blocked_until = i.blocked_until,
          deferred_until = i.deferred_until, claimed_at = i.claimed_at, claimed_turn = i.claimed_turn,
          held_since = i.held_since, failing_since = i.failing_since, failures = i.failures,
          recovered_at = i.recovered_at, last_failure_at = i.last_failure_at, state_changed_at = i.state_changed_at,
          deleted = i.deleted, struggling = i.struggling, warned = i.warned, state = i.state,
          state_reason = i.state_reason
        FROM ${input} WHERE l.endpoint_key = i.endpoint_key`,
        ...LANES.values([...this.#changed]),
      )
    }
    await this.#moveLines([...this.#lines.values()])
  }

  /** Locked first: the statement after it sees every lane that was committed by whoever held the lock before. */
  async #moveLines(lines: Line[]): Promise<void> {
    if (lines.length === 0) return
    await this.#db.run(
      'SELECT 1 FROM {line} WHERE tenant_key = ANY($1::bigint[]) ORDER BY tenant_key FOR UPDATE',
      lines.map(({ tenantKey }) => tenantKey),
    )
    await this.#db.run(
      `UPDATE {line} AS n SET claimed_at = greatest(least(n.claimed_at, $4), i.claimed_at),
        claimed_turn = greatest(n.claimed_turn, i.turn),
        ready_at = CASE WHEN l.ready_at IS NULL THEN NULL
          ELSE greatest(least(n.claimed_at, $4), i.claimed_at, l.ready_at) END
      FROM ${LINES.from('i')} LEFT JOIN LATERAL (
        SELECT ready_at FROM {lane} WHERE tenant_key = i.tenant_key AND ready_at IS NOT NULL
        ORDER BY ready_at LIMIT 1) AS l ON true
      WHERE n.tenant_key = i.tenant_key`,
      ...LINES.values(lines),
      this.#now,
    )
  }

  #place(lane: Lane, place: number | null): void {
    const held = isHeld(lane)
    lane.readyAt = held ? null : place
    lane.holdAt = held ? place : null
    this.save(lane)
    const { tenantKey } = lane
    if (!this.#lines.has(tenantKey)) this.#lines.set(tenantKey, { tenantKey, claimedAt: 0, turn: 0 })
  }

  async #oldestDueOf(lanes: Lane[]): Promise<Map<number, number>> {
    if (lanes.length === 0) return new Map()
    const rows = await this.#db.all<{ endpointKey: number; dueAt: number | null }>(
      `SELECT i.key AS "endpointKey", least(
        (SELECT due_at FROM {delivery} WHERE endpoint_key = i.key AND state = 0 ORDER BY due_at, key LIMIT 1),
        CASE WHEN i.held THEN
          (SELECT due_at FROM {delivery} WHERE endpoint_key = i.key AND state = 5 ORDER BY due_at, key LIMIT 1)
        END) AS "dueAt"
      FROM unnest($1::bigint[], $2::boolean[]) AS i(key, held)`,
      lanes.map(({ endpointKey }) => endpointKey),
      lanes.map(isHeld),
    )
    return new Map(rows.flatMap(({ endpointKey, dueAt }) => (dueAt === null ? [] : [[endpointKey, dueAt]])))
  }
}

export function isHeld(lane: Lane): boolean {
  return lane.heldSince !== null || lane.deleted
}

function placeOf(lane: Lane, dueAt: number): number {
  if (lane.deleted) return HELD_EVER
  if (lane.heldSince !== null) return Math.max(lane.heldSince, dueAt)
  return Math.max(dueAt, lane.blockedUntil, lane.deferredUntil, lane.claimedAt)
}
