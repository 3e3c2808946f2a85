import { batchOf } from './batch.ts'
import type { Connection } from './connection.ts'

/** Where deliveries take turns: those of one endpoint and ordering key, in the order of their keys. */
export interface Turn {
  endpointKey: number
  orderingKey: string
}

const TURNS = batchOf<Turn>({
  endpoint_key: ['bigint', ({ endpointKey }) => endpointKey],
  ordering_key: ['text', ({ orderingKey }) => orderingKey],
})

/** For sets and maps. */
export function turnOf({ endpointKey, orderingKey }: Turn): string {
  return `${endpointKey} ${orderingKey}`
}

/** The first of a turn `i` that has not come to rest: the head, unless that has just made way. */
const FIRST = `
  SELECT key, state FROM {delivery}
  WHERE endpoint_key = i.endpoint_key AND ordering_key = i.ordering_key
    AND ordering_key IS NOT NULL AND state IN (0, 1, 5)
  ORDER BY key LIMIT 1`

/** Those that have a head, as `turnOf` names them. Under the locks of their lanes. */
export async function keysInUse(db: Connection, turns: Turn[]): Promise<Set<string>> {
  const rows = await db.all<Turn>(
    `SELECT i.endpoint_key AS "endpointKey", i.ordering_key AS "orderingKey"
    FROM ${TURNS.from('i')} CROSS JOIN LATERAL (${FIRST}) AS d`,
    ...TURNS.values(distinct(turns)),
  )
  return new Set(rows.map(turnOf))
}

/**
 * Makes the next the head, where the head has come to rest: due at its own time, but not before `now`, if that is given. Under
 * the locks of their lanes, whose places are the caller's to move.
 */
export async function promote(
  db: Connection,
  turns: Turn[],
  now: number | null,
): Promise<{ endpointKey: number; dueAt: number }[]> {
  if (turns.length === 0) return []
  return db.all(
    `WITH next AS MATERIALIZED (
      SELECT d.key FROM ${TURNS.from('i', 2)} CROSS JOIN LATERAL (${FIRST}) AS d WHERE d.state = 5 ORDER BY d.key)
    UPDATE {delivery} AS d SET state = 0, due_at = greatest(d.due_at, $1::bigint)
    FROM next WHERE d.key = next.key
    RETURNING d.endpoint_key AS "endpointKey", d.due_at AS "dueAt"`,
    now,
    ...TURNS.values(distinct(turns)),
  )
}

function distinct(turns: Turn[]): Turn[] {
  return [...new Map(turns.map((turn) => [turnOf(turn), turn])).values()]
}
