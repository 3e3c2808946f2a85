import type { Connection } from './connection.ts'
import { isHeld, type Lane, type Lanes } from './lanes.ts'
import { WAITING } from './rows.ts'

/** The unfinished deliveries of one ordering key at one endpoint: the one with the lowest key is its head. */
const IN_TURN = `
  FROM {delivery} INDEXED BY {delivery_turns}
  WHERE endpoint_key = ? AND ordering_key = ? AND state IN (0, 1, 5)`

/** Whether a new delivery of this ordering key has to wait for another. */
export function isTurnTaken(db: Connection, lane: Lane, orderingKey: string): boolean {
  return db.get(`SELECT 1 ${IN_TURN} LIMIT 1`, lane.endpointKey, orderingKey) !== undefined
}

/**
 * The head of this ordering key has come to rest: the next becomes head, due at its own time, but not before `notBefore`.
 * Returns when it is due; null: none waits.
 */
export function passTurn(
  db: Connection,
  lanes: Lanes,
  lane: Lane,
  orderingKey: string,
  notBefore: number,
): number | null {
  const next = db.get<{ key: number; state: number; dueAt: number }>(
    `SELECT key, state, due_at AS dueAt ${IN_TURN} ORDER BY key LIMIT 1`,
    lane.endpointKey,
    orderingKey,
  )
  if (next?.state !== WAITING) return null
  const dueAt = Math.max(next.dueAt, notBefore)
  db.run('UPDATE {delivery} SET state = 0, due_at = ? WHERE key = ?', dueAt, next.key)
  // In a held lane it counted before, and by another time.
  if (isHeld(lane)) lanes.refresh(lane)
  else lanes.enqueue(lane, dueAt)
  return dueAt
}
