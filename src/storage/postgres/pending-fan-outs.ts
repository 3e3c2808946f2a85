import type { FanOut } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'

export async function pendingFanOuts(db: Connection, { limit }: { limit: number }): Promise<FanOut[]> {
  const rows = await db.all<FanOut['event'] & { endpointsVersion: number; cursor: string }>(
    `SELECT e.id, t.name AS tenant, e.type, e.deliver_at AS "deliverAt", e.fan_version AS "endpointsVersion",
      e.fan_cursor AS cursor
    FROM (
      SELECT * FROM {event} WHERE fan_cursor IS NOT NULL ORDER BY created_at, key LIMIT $1) AS e
      JOIN {tenant} AS t ON t.key = e.tenant_key
    ORDER BY e.created_at, e.key`,
    limit,
  )
  return rows.map(({ endpointsVersion, cursor, ...event }) => ({ event, endpointsVersion, cursor }))
}
