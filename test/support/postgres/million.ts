import { Client } from 'pg'
import { postgres } from '../../../src/storage/postgres/index.ts'
import { NOW } from '../../../src/testing/storage-suite/fixtures.ts'
import { addPatterns, BACKLOGS, millionRows, type Rows } from '../million.ts'
import { type OwnServer, startOwnServer } from './server.ts'

/** A server with a million deliveries in two databases, of which one knows that they are there. */
export interface Million {
  /** Its statistics are those of empty tables, as after a busy first minute. */
  unaware: string
  /** After ANALYZE. */
  aware: string
  stop(): Promise<void>
}

/** What is written here is read once: nothing is gained by keeping it. */
const FLAGS = ['fsync=off', 'full_page_writes=off', 'wal_level=minimal', 'max_wal_senders=0', 'autovacuum=off'].concat([
  'max_wal_size=8GB',
  'shared_buffers=512MB',
  'maintenance_work_mem=256MB',
])

export async function startMillion(): Promise<Million> {
  const server = await startOwnServer(FLAGS.flatMap((flag) => ['-c', flag]))
  try {
    const [unaware, aware] = [databaseOf(server, 'unaware'), databaseOf(server, 'aware')]
    await server.query('CREATE DATABASE unaware')
    await fill(unaware)
    await server.query('CREATE DATABASE aware TEMPLATE unaware STRATEGY file_copy')
    await querying(aware)('ANALYZE')
    return { unaware, aware, stop: () => server.stop() }
  } catch (error) {
    await server.stop()
    throw error
  }
}

function databaseOf(server: OwnServer, name: string): string {
  const url = new URL(server.url)
  url.pathname = `/${name}`
  return url.href
}

async function fill(url: string): Promise<void> {
  const storage = postgres({ connectionString: url })
  await storage.open({ now: NOW })
  await addPatterns(storage)
  await storage.close()

  const query = querying(url)
  const columns = await columnsOf(query)
  const keyOf = async (sql: string) => Number((await query<{ key: string }>(sql))[0]?.key)
  const keys = {
    acme: await keyOf(`SELECT key FROM hookferry_tenant WHERE name = 'acme'`),
    other: await keyOf(`SELECT key FROM hookferry_tenant WHERE name = 'other'`),
    ep1: await keyOf(`SELECT key FROM hookferry_endpoint WHERE id = 'ep_1'`),
  }
  // Made at once when all rows are there, indexes cost a fifth.
  const indexes = await query<{ name: string; sql: string }>(`
    SELECT indexname AS name, indexdef AS sql FROM pg_indexes
    WHERE schemaname = 'public' AND indexname NOT IN (SELECT conname FROM pg_constraint)`)
  const states = columns.get('delivery')?.has('ordering_key') ? 6 : 5
  await query(`
    ${indexes.map(({ name }) => `DROP INDEX ${name};`).join('\n')}
    ${millionRows(keys, states)
      .map((rows) => insertion(rows, columns))
      .join('\n')}
    ${BACKLOGS.filter(({ table }) => columns.get(table)?.has('ready_at'))
      .map(({ table, set, where }) => `UPDATE hookferry_${table} SET ${set} WHERE ${named(where, keys)};`)
      .join('\n')}
    ${indexes.map(({ sql }) => `${sql};`).join('\n')}
    UPDATE pg_class SET reltuples = 0, relpages = 0 WHERE relname LIKE 'hookferry_%'`)
}

function querying(url: string): OwnServer['query'] {
  return async <Row>(sql: string, values?: unknown[]) => {
    const client = new Client({ connectionString: url })
    await client.connect()
    try {
      return (await client.query(sql, values)).rows as Row[]
    } finally {
      await client.end()
    }
  }
}

async function columnsOf(query: OwnServer['query']): Promise<Map<string, Set<string>>> {
  const rows = await query<{ table: string; column: string }>(`
    SELECT table_name AS table, column_name AS column FROM information_schema.columns
    WHERE table_schema = 'public' ORDER BY table_name, ordinal_position`)
  const columns = new Map<string, Set<string>>()
  for (const { table, column } of rows) {
    const name = table.replace('hookferry_', '')
    columns.set(name, (columns.get(name) ?? new Set()).add(column))
  }
  return columns
}

function insertion({ table, count, columns: given }: Rows, tables: Map<string, Set<string>>): string {
  const columns = [...(tables.get(table) ?? [])]
  if (columns.length === 0) return ''
  return `
    INSERT INTO hookferry_${table} (${columns.join(', ')}) OVERRIDING SYSTEM VALUE
    SELECT ${columns.map((column) => given[column] ?? `pattern.${column}`).join(', ')}
    FROM (SELECT * FROM hookferry_${table} LIMIT 1) AS pattern CROSS JOIN generate_series(1, ${count}) AS n;`
}

function named(sql: string, values: Record<string, number>): string {
  return sql.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]))
}
