import type { FanOut } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'

export function pendingFanOuts(db: Connection, { limit }: { limit: number }): FanOut[] {
  return db
    .all<FanOut['event'] & { endpointsVersion: number; cursor: string }>(
      `SELECT e.id, t.name AS tenant, e.type, e.deliver_at AS deliverAt, e.fan_version AS endpointsVersion,
        e.fan_cursor AS cursor
      FROM {event} AS e INDEXED BY {event_fan_out} CROSS JOIN {tenant} AS t ON t.key = e.tenant_key
      WHERE e.fan_cursor IS NOT NULL ORDER BY e.created_at, e.key LIMIT ?`,
      limit,
    )
    .map(({ endpointsVersion, cursor, ...event }) => ({ event, endpointsVersion, cursor }))
}
