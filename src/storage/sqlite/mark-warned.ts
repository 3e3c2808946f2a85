import type { Connection } from './connection.ts'

export function markWarned(db: Connection, { id, failingSince }: { id: string; failingSince: number }): boolean {
  const { changes } = db.run(
    `UPDATE {lane} SET warned = 1
    WHERE endpoint_key = (SELECT key FROM {endpoint} WHERE id = ? AND deleted_at IS NULL)
      AND failing_since = ? AND warned = 0`,
    id,
    failingSince,
  )
  return changes === 1
}
