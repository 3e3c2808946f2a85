import { vi } from 'vitest'
import { Connection } from '../../../src/storage/postgres/connection.ts'

/** A node of what EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) tells. */
export interface Plan {
  'Node Type': string
  'Relation Name'?: string
  'Index Name'?: string
  'Index Cond'?: string
  'Actual Rows'?: number
  'Actual Loops'?: number
  'Rows Removed by Filter'?: number
  'Rows Removed by Join Filter'?: number
  'Rows Removed by Index Recheck'?: number
  'Shared Hit Blocks'?: number
  'Shared Read Blocks'?: number
  Plans?: Plan[]
}

export interface Explained {
  sql: string
  /** Made for the values of this call, or for any: the server uses one or the other. */
  kind: 'custom' | 'generic'
  plan: Plan
}

const ANALYZE = 'EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, SUMMARY OFF, FORMAT JSON)'

type Call = (this: Connection, sql: string, ...values: unknown[]) => Promise<unknown>

/**
 * Explains each statement of the storage at the moment at which it is sent: in its transaction, with its values, beside the
 * rows that are there then. It is carried out for that and rolled back, and then carried out. `vi.restoreAllMocks` ends it.
 */
export function explainAll(tell: (explained: Explained) => void): void {
  const all = Connection.prototype.all as Call
  const known = new Set<string>()
  for (const method of ['run', 'get', 'all'] as const) {
    const original = Connection.prototype[method] as Call
    vi.spyOn(Connection.prototype, method).mockImplementation(async function (this: Connection, sql, ...values) {
      // Of look-ups by the same values, and of what is no table of ours, there is nothing to learn twice.
      const call = JSON.stringify([sql, values])
      if (/\{[a-z_]+\}/.test(sql) && !sql.includes('{meta}') && !known.has(call)) {
        known.add(call)
        for (const kind of ['custom', 'generic'] as const) {
          tell({ sql, kind, plan: await explain(this, all, sql, values, kind) })
        }
      }
      return original.call(this, sql, ...values) as never
    })
  }
}

async function explain(db: Connection, all: Call, sql: string, values: unknown[], kind: string): Promise<Plan> {
  await db.script('SAVEPOINT explained')
  let rows: unknown
  if (kind === 'custom') {
    rows = await all.call(db, `${ANALYZE} ${sql}`, ...values)
  } else {
    await db.script(`SET LOCAL plan_cache_mode = force_generic_plan; PREPARE explained AS ${sql}`)
    const given = values.length === 0 ? '' : `(${values.map(literal).join(', ')})`
    rows = await all.call(db, `${ANALYZE} EXECUTE explained${given}`)
    await db.script('DEALLOCATE explained')
  }
  await db.script('ROLLBACK TO explained; RELEASE explained')
  const [row] = rows as [{ 'QUERY PLAN': string }]
  return (JSON.parse(row['QUERY PLAN']) as [{ Plan: Plan }])[0].Plan
}

function literal(value: unknown): string {
  return value === null ? 'NULL' : `'${textOf(value).replaceAll("'", "''")}'`
}

/** As pg writes a parameter. */
function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`
  if (!Array.isArray(value)) return String(value)
  const items = value.map((item) => (item === null ? 'NULL' : `"${textOf(item).replace(/[\\"]/g, '\\$&')}"`))
  return `{${items.join(',')}}`
}

export function nodesOf(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)]
}

/** Rows that a node looked at, also those that it did not pass on. */
export function examined(node: Plan): number {
  const each =
    (node['Actual Rows'] ?? 0) +
    (node['Rows Removed by Filter'] ?? 0) +
    (node['Rows Removed by Join Filter'] ?? 0) +
    (node['Rows Removed by Index Recheck'] ?? 0)
  return Math.ceil(each * (node['Actual Loops'] ?? 1))
}

/** Pages of 8 KB that the statement looked at: index entries that were passed over are seen here only. */
export function pagesOf(plan: Plan): number {
  return (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0)
}
