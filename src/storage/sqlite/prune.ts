import type { PruneInput } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'

/** How many rows may still be removed. */
interface Budget {
  left: number
}

interface EndedRow {
  key: number
  eventKey: number
}

export function prune(db: Connection, { now, deliveredBefore, failedBefore, limit }: PruneInput): number {
  const budget: Budget = { left: limit }
  for (const row of ended(db, 'delivery_delivered_end', 'state = 2', deliveredBefore, budget)) {
    removeDelivery(db, row, budget)
  }
  for (const row of ended(db, 'delivery_failed_end', 'state IN (3, 4)', failedBefore, budget))
    removeDelivery(db, row, budget)
  budget.left -= db.run(
    `DELETE FROM {event} WHERE key IN (
      SELECT key FROM {event} INDEXED BY {event_bare} WHERE bare = 1 AND created_at < ? ORDER BY created_at LIMIT ?)`,
    deliveredBefore,
    budget.left,
  ).changes
  budget.left -= db.run(
    `DELETE FROM {idempotency} WHERE (tenant_key, key) IN (
      SELECT tenant_key, key FROM {idempotency} INDEXED BY {idempotency_expiry} WHERE expires_at <= ? LIMIT ?)`,
    now,
    budget.left,
  ).changes
  budget.left -= db.run(
    `DELETE FROM {replay} WHERE key IN (
      SELECT key FROM {replay} INDEXED BY {replay_ended} WHERE ended_at < ? ORDER BY ended_at LIMIT ?)`,
    failedBefore,
    budget.left,
  ).changes
  return limit - budget.left
}

function ended(db: Connection, index: string, state: string, before: number, budget: Budget): EndedRow[] {
  return db.all<EndedRow>(
    `SELECT key, event_key AS eventKey FROM {delivery} INDEXED BY {${index}}
    WHERE ${state} AND ended_at < ? ORDER BY ended_at LIMIT ?`,
    before,
    budget.left,
  )
}

/** Its attempts, then the delivery, as far as the budget goes. An event left without deliveries is found by its mark. */
function removeDelivery(db: Connection, { key, eventKey }: EndedRow, budget: Budget): void {
  budget.left -= db.run(
    'DELETE FROM {attempt} WHERE key IN (SELECT key FROM {attempt} WHERE delivery_key = ? LIMIT ?)',
    key,
    budget.left,
  ).changes
  if (budget.left === 0) return
  budget.left -= db.run('DELETE FROM {delivery} WHERE key = ?', key).changes
  db.run(
    `UPDATE {event} SET bare = 1 WHERE key = @eventKey AND fan_cursor IS NULL
      AND NOT EXISTS (SELECT 1 FROM {delivery} INDEXED BY {delivery_by_event} WHERE event_key = @eventKey)`,
    { eventKey },
  )
}
