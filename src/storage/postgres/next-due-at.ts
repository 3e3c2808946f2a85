import type { Connection } from './connection.ts'

export async function nextDueAt(db: Connection): Promise<number | null> {
  const row = await db.get<{ at: number | null }>(
    `SELECT least(
      (SELECT ready_at FROM {line} WHERE ready_at IS NOT NULL ORDER BY ready_at LIMIT 1),
      (SELECT lease_until FROM {delivery} WHERE state = 1 ORDER BY lease_until LIMIT 1)) AS at`,
  )
  return row?.at ?? null
}
