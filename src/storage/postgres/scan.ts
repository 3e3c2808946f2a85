import { DELIVERY_STATES, type DeliveryState } from '../../model/delivery.ts'
import { deliveryKey } from '../../model/ids.ts'
import type { Selection } from '../../model/replay.ts'
import type { Position } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import type { Parameter } from './driver.ts'
import { type Examined, inChunks } from './page.ts'
import { maskOf } from './rows.ts'
import { findTenant } from './tenants.ts'

interface Keys {
  tenantKey: number | null
  endpointKey: number | null
  eventKey: number | null
}

/** Joined to each delivery `d`, where a statement needs them. */
export const JOINED = `
  JOIN {event} AS e ON e.key = d.event_key
  JOIN {endpoint} AS p ON p.key = d.endpoint_key`

/** Parameters 1 to 5, in the order of `Scan.values`. */
const MATCHES = `
  ($1::bigint IS NULL OR d.tenant_key = $1) AND ($2::bigint IS NULL OR d.endpoint_key = $2)
  AND ($3::bigint IS NULL OR d.event_key = $3) AND ($4::text IS NULL OR e.type = $4)
  AND (($5::integer >> d.state) & 1) = 1`

interface ScanInput {
  selection: Selection
  /** Only these states, whatever the selection says. */
  among?: readonly DeliveryState[]
  columns: string
  from: Position
  /** Rows to read first. */
  first: number
}

interface Scan {
  /** The way to the deliveries: the condition that narrows most, which an index serves; the rest is checked row by row. */
  where: string
  values: Parameter[]
  /** Parameter 10, where the way needs one. */
  ids: Parameter[]
}

/** Newest first, from below `from`. */
export async function* scanDown<Row extends Examined>(db: Connection, input: ScanInput): AsyncGenerator<Row> {
  const scan = await scanOf(db, input)
  if (scan === null) return
  const { where, values, ids } = scan
  const sql = scanSql(where, '(d.created_at, d.key) < ($6, $7) AND d.created_at >= $8', 'DESC', input.columns)
  const since = input.selection.since ?? 0
  yield* inChunks<Row>(input.from, input.first, ({ at, key }, size) => {
    return db.all<Row>(sql, ...values, at, key, since, size, ...ids)
  })
}

/** Oldest first, from above `from`, up to the moment `bound`. */
export async function* scanUp<Row extends Examined>(
  db: Connection,
  input: ScanInput & { bound: number },
): AsyncGenerator<Row> {
  const scan = await scanOf(db, input)
  if (scan === null) return
  const { where, values, ids } = scan
  const { since = 0, until = Number.MAX_SAFE_INTEGER } = input.selection
  const start = input.from.at < since ? { at: since, key: 0 } : input.from
  const bound = Math.min(input.bound, until - 1)
  const sql = scanSql(where, '(d.created_at, d.key) > ($6, $7) AND d.created_at <= $8', 'ASC', input.columns)
  yield* inChunks<Row>(start, input.first, ({ at, key }, size) => {
    return db.all<Row>(sql, ...values, at, key, bound, size, ...ids)
  })
}

/** The rows are found in the order of one index, and joined then. */
function scanSql(where: string, range: string, order: string, columns: string): string {
  return `SELECT d.key, d.created_at AS "createdAt", (${MATCHES}) AS matches, ${columns}
    FROM (
      SELECT d.* FROM {delivery} AS d WHERE ${where} AND ${range}
      ORDER BY d.created_at ${order}, d.key ${order} LIMIT $9) AS d ${JOINED}
    ORDER BY d.created_at ${order}, d.key ${order}`
}

/** Null: the selection names something that is not there. */
async function scanOf(db: Connection, { selection, among = DELIVERY_STATES }: ScanInput): Promise<Scan | null> {
  const keys = await keysOf(db, selection)
  if (keys === null) return null
  const states = (selection.states ?? DELIVERY_STATES).filter((state) => among.includes(state))
  return {
    where: wayOf(selection, keys),
    values: [keys.tenantKey, keys.endpointKey, keys.eventKey, selection.type ?? null, maskOf(states)],
    ids: selection.ids === undefined ? [] : [selection.ids.map(deliveryKey).filter((key) => key !== null)],
  }
}

/**
 * The keys stand in sub-selects, so that plans are made for any value: by that of a busy endpoint the planner would take the
 * newest of all and pass over those of others, however many they are by now.
 */
function wayOf({ ids, states }: Selection, { tenantKey, endpointKey, eventKey }: Keys): string {
  const failed = states?.length === 1 && states[0] === 'failed' ? ' AND d.state = 3' : ''
  // As many rows as there are ids, sorted.
  if (ids !== undefined) return 'd.key = ANY($10::bigint[])'
  if (eventKey !== null) return 'd.event_key = (SELECT $3::bigint)'
  if (endpointKey !== null) return `d.endpoint_key = (SELECT $2::bigint)${failed}`
  if (tenantKey !== null) return `d.tenant_key = (SELECT $1::bigint)${failed}`
  return 'true'
}

async function keysOf(db: Connection, { tenant, endpointId, eventId }: Selection): Promise<Keys | null> {
  const keyOf = async (sql: string, id: string) => (await db.get<{ key: number }>(sql, id))?.key
  const tenantKey = tenant === undefined ? null : (await findTenant(db, tenant))?.key
  const endpointKey =
    endpointId === undefined ? null : await keyOf('SELECT key FROM {endpoint} WHERE id = $1', endpointId)
  const eventKey = eventId === undefined ? null : await keyOf('SELECT key FROM {event} WHERE id = $1', eventId)
  if (tenantKey === undefined || endpointKey === undefined || eventKey === undefined) return null
  return { tenantKey, endpointKey, eventKey }
}
