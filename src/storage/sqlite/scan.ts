import { DELIVERY_STATES, type DeliveryState } from '../../model/delivery.ts'
import { deliveryKey } from '../../model/ids.ts'
import type { Selection } from '../../model/replay.ts'
import type { Position } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import type { Value } from './driver.ts'
import { startUp } from './page.ts'
import { statesMask } from './rows.ts'
import { findTenant } from './tenants.ts'

/** The way to the deliveries of a selection: an index for the condition that narrows most, the rest checked row by row. */
interface Way {
  from: string
  where: string
}

interface Keys {
  tenantKey: number | null
  endpointKey: number | null
  eventKey: number | null
}

/** Joined to each delivery, where a statement needs them. */
export const JOINED = `
  CROSS JOIN {event} AS e ON e.key = d.event_key
  CROSS JOIN {endpoint} AS p ON p.key = d.endpoint_key
  CROSS JOIN {tenant} AS t ON t.key = d.tenant_key`

/** Joined only where a type is asked for: most rows of a scan may be looked at in vain. */
const OF_TYPE = 'CROSS JOIN {event} AS e ON e.key = d.event_key'

const MATCHES = `
  (@tenantKey IS NULL OR d.tenant_key = @tenantKey) AND (@endpointKey IS NULL OR d.endpoint_key = @endpointKey)
  AND (@eventKey IS NULL OR d.event_key = @eventKey) AND ((@states >> d.state) & 1)`

interface ScanInput {
  selection: Selection
  /** Only these states, whatever the selection says. */
  among?: readonly DeliveryState[]
  /** Of the delivery itself, beside those of `Examined`. */
  columns?: string
}

/** Newest first, from below `after`. Lazily: take what is needed. */
export function scanDown<Row>(db: Connection, input: ScanInput & { from: Position }): Iterable<Row> {
  const scan = scanOf(db, input)
  if (scan === null) return []
  return db.iterate<Row>(
    `${scan.sql} AND (d.created_at, d.key) < (@at, @key) AND d.created_at >= @since
    ORDER BY d.created_at DESC, d.key DESC`,
    { ...scan.values, at: input.from.at, key: input.from.key, since: input.selection.since ?? 0 },
  )
}

/** Oldest first, from above `from`, up to the moment `bound`. */
export function scanUp<Row>(db: Connection, input: ScanInput & { from: Position; bound: number }): Iterable<Row> {
  const scan = scanOf(db, input)
  if (scan === null) return []
  const { since = 0, until = Number.MAX_SAFE_INTEGER } = input.selection
  const from = startUp(input.from, since)
  return db.iterate<Row>(
    `${scan.sql} AND (d.created_at, d.key) > (@at, @key) AND d.created_at <= @bound
    ORDER BY d.created_at, d.key`,
    { ...scan.values, at: from.at, key: from.key, bound: Math.min(input.bound, until - 1) },
  )
}

/** Null: the selection names something that is not there. */
function scanOf(
  db: Connection,
  { selection, among = DELIVERY_STATES, columns = 'NULL' }: ScanInput,
): { sql: string; values: Record<string, Value> } | null {
  const keys = keysOf(db, selection)
  if (keys === null) return null
  const { from, where } = wayOf(selection, keys)
  const states = (selection.states ?? DELIVERY_STATES).filter((state) => among.includes(state))
  const ids = selection.ids?.map(deliveryKey).filter((key) => key !== null) ?? []
  const { type } = selection
  const [matches, joined] = type === undefined ? [MATCHES, ''] : [`${MATCHES} AND e.type = @type`, OF_TYPE]
  return {
    sql: `SELECT d.key, d.created_at AS createdAt, ${matches} AS matches, ${columns} FROM ${from} ${joined} WHERE ${where}`,
    values: { ...keys, ids: JSON.stringify(ids), type: type ?? null, states: statesMask(states) },
  }
}

function wayOf({ ids, states }: Selection, { tenantKey, endpointKey, eventKey }: Keys): Way {
  const along = (index: string, where: string): Way => ({ from: `{delivery} AS d INDEXED BY {${index}}`, where })
  const onlyFailed = states?.length === 1 && states[0] === 'failed'
  if (ids !== undefined) {
    // By key: as many rows as there are ids, sorted.
    return { from: '{delivery} AS d', where: 'd.key IN (SELECT value FROM json_each(@ids))' }
  }
  if (eventKey !== null) return along('delivery_by_event', 'd.event_key = @eventKey')
  if (endpointKey !== null) {
    return onlyFailed
      ? along('delivery_failed_by_endpoint', 'd.endpoint_key = @endpointKey AND d.state = 3')
      : along('delivery_by_endpoint', 'd.endpoint_key = @endpointKey')
  }
  if (tenantKey !== null) {
    return onlyFailed
      ? along('delivery_failed_by_tenant', 'd.tenant_key = @tenantKey AND d.state = 3')
      : along('delivery_by_tenant', 'd.tenant_key = @tenantKey')
  }
  return along('delivery_by_creation', 'd.created_at >= 0')
}

function keysOf(db: Connection, { tenant, endpointId, eventId }: Selection): Keys | null {
  const keyOf = (sql: string, id: string) => db.get<{ key: number }>(sql, id)?.key
  const tenantKey = tenant === undefined ? null : findTenant(db, tenant)?.key
  const endpointKey = endpointId === undefined ? null : keyOf('SELECT key FROM {endpoint} WHERE id = ?', endpointId)
  const eventKey = eventId === undefined ? null : keyOf('SELECT key FROM {event} WHERE id = ?', eventId)
  if (tenantKey === undefined || endpointKey === undefined || eventKey === undefined) return null
  return { tenantKey, endpointKey, eventKey }
}
