import type { Statements } from './statements.ts'

/** Whether the fan-out of an earlier event of this ordering key is not over. */
export function isFanOutTaken(db: Statements, tenantKey: number, orderingKey: string): boolean {
  const earlier = db.get(
    `SELECT 1 FROM {event} INDEXED BY {event_fan_turns}
    WHERE tenant_key = ? AND ordering_key = ? AND fan_cursor IS NOT NULL LIMIT 1`,
    tenantKey,
    orderingKey,
  )
  return earlier !== undefined
}

/** The fan-out of an event is over: that of the next of its ordering key may begin. */
export function passFanOut(db: Statements, tenantKey: number, orderingKey: string): void {
  db.run(
    `UPDATE {event} SET fan_waits = 0 WHERE key = (
      SELECT key FROM {event} INDEXED BY {event_fan_turns}
      WHERE tenant_key = ? AND ordering_key = ? AND fan_cursor IS NOT NULL ORDER BY key LIMIT 1)`,
    tenantKey,
    orderingKey,
  )
}
