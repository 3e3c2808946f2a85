import type { Connection } from './connection.ts'

export function nextDueAt(db: Connection): number | null {
  const lane = db.get<{ at: number }>(
    `SELECT ready_at AS at FROM {tenant} INDEXED BY {tenant_ready} WHERE ready_at IS NOT NULL ORDER BY ready_at LIMIT 1`,
  )
  const lease = db.get<{ at: number }>(
    `SELECT lease_until AS at FROM {delivery} INDEXED BY {delivery_leased} WHERE state = 1 ORDER BY lease_until LIMIT 1`,
  )
  const next = Math.min(lane?.at ?? Infinity, lease?.at ?? Infinity)
  return next === Infinity ? null : next
}
