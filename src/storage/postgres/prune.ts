import type { PruneInput } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'

/** How many rows may still be removed. */
interface Budget {
  left: number
}

interface EndedRow {
  key: number
  eventKey: number
  attempts: number
}

export async function prune(
  db: Connection,
  { now, deliveredBefore, failedBefore, limit }: PruneInput,
): Promise<number> {
  const budget: Budget = { left: limit }
  await removeDeliveries(db, 'state = 2', deliveredBefore, budget)
  await removeDeliveries(db, 'state IN (3, 4)', failedBefore, budget)
  budget.left -= await db.run(
    `DELETE FROM {event} WHERE key = ANY(ARRAY(
      SELECT key FROM {event} WHERE bare AND created_at < $1 ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED))`,
    deliveredBefore,
    budget.left,
  )
  budget.left -= await db.run(
    `DELETE FROM {idempotency} AS k USING (
      SELECT tenant, key FROM {idempotency} WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2
      FOR UPDATE SKIP LOCKED) AS e
    WHERE k.tenant = e.tenant AND k.key = e.key`,
    now,
    budget.left,
  )
  budget.left -= await db.run(
    `DELETE FROM {replay} WHERE key = ANY(ARRAY(
      SELECT key FROM {replay} WHERE ended_at < $1 ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED))`,
    failedBefore,
    budget.left,
  )
  return limit - budget.left
}

/** Of each its attempts, then the delivery, as far as the budget goes. */
async function removeDeliveries(db: Connection, state: string, before: number, budget: Budget): Promise<void> {
  if (budget.left === 0) return
  const ended = await db.all<EndedRow>(
    `SELECT d.key, d.event_key AS "eventKey", (SELECT count(*) FROM {attempt} WHERE delivery_key = d.key) AS attempts
    FROM (
      SELECT key, event_key, ended_at FROM {delivery} WHERE ${state} AND ended_at < $1 ORDER BY ended_at LIMIT $2
      FOR UPDATE SKIP LOCKED) AS d
    ORDER BY d.ended_at`,
    before,
    budget.left,
  )
  const whole: EndedRow[] = []
  for (const row of ended) {
    const attempts = Math.min(row.attempts, budget.left)
    budget.left -= attempts
    if (budget.left === 0) {
      await removeSomeAttempts(db, row.key, attempts)
      break
    }
    budget.left--
    whole.push(row)
  }
  await removeWhole(db, whole)
}

async function removeSomeAttempts(db: Connection, deliveryKey: number, count: number): Promise<void> {
  await db.run(
    `DELETE FROM {attempt} WHERE delivery_key = $1 AND number = ANY(ARRAY(
      SELECT number FROM {attempt} WHERE delivery_key = $1 ORDER BY number LIMIT $2))`,
    deliveryKey,
    count,
  )
}

/**
 * An event left without deliveries is found by its mark. Events are locked before it is seen whether any is left: two that
 * remove the last two deliveries of one would each see that of the other.
 */
async function removeWhole(db: Connection, rows: EndedRow[]): Promise<void> {
  if (rows.length === 0) return
  const keys = rows.map(({ key }) => key)
  const events = [...new Set(rows.map(({ eventKey }) => eventKey))]
  await db.run('DELETE FROM {attempt} WHERE delivery_key = ANY($1::bigint[])', keys)
  await db.run('DELETE FROM {delivery} WHERE key = ANY($1::bigint[])', keys)
  await db.run('SELECT 1 FROM {event} WHERE key = ANY($1::bigint[]) ORDER BY key FOR UPDATE', events)
  await db.run(
    `UPDATE {event} AS e SET bare = true WHERE key = ANY($1::bigint[]) AND fan_cursor IS NULL
      AND NOT EXISTS (SELECT 1 FROM {delivery} WHERE event_key = e.key)`,
    events,
  )
}
