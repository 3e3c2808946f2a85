import type { Connection } from './connection.ts'

export async function markWarned(
  db: Connection,
  { id, failingSince }: { id: string; failingSince: number },
): Promise<boolean> {
  const written = await db.run(
    `UPDATE {lane} SET warned = true
    WHERE endpoint_key = (SELECT key FROM {endpoint} WHERE id = $1 AND deleted_at IS NULL)
      AND failing_since = $2 AND NOT warned`,
    id,
    failingSince,
  )
  return written === 1
}
