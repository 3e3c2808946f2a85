import type { FanOut } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'

type FanOutRow = FanOut['event'] & { endpointsVersion: number; endpointIds: string | null; cursor: string }

/** Those behind another of their ordering key are marked, so that they cost nothing. */
export function pendingFanOuts(db: Connection, { limit }: { limit: number }): FanOut[] {
  return db
    .all<FanOutRow>(
      `SELECT e.id, t.name AS tenant, e.type, e.deliver_at AS deliverAt, e.fan_version AS endpointsVersion,
        e.endpoint_ids AS endpointIds, e.fan_cursor AS cursor
      FROM {event} AS e INDEXED BY {event_fan_out} CROSS JOIN {tenant} AS t ON t.key = e.tenant_key
      WHERE e.fan_cursor IS NOT NULL AND e.fan_waits = 0 ORDER BY e.created_at, e.key LIMIT ?`,
      limit,
    )
    .map(({ endpointsVersion, endpointIds, cursor, ...event }) => ({
      event,
      endpointsVersion,
      endpointIds: endpointIds === null ? null : (JSON.parse(endpointIds) as string[]),
      cursor,
    }))
}
