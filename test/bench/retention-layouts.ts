import { postgres } from 'hookferry/postgres'
import type { Client } from 'pg'
import { addEndpoint, claim, delivered, newEvent, WORKER } from '../../src/testing/storage-suite/fixtures.ts'
import type { OwnServer } from '../support/postgres/server.ts'

/**
 * The same rows, by the same statements, in two layouts: the schema as it is, from which `prune` deletes, and one partitioned
 * by creation, whose oldest partitions are dropped. Time is the number of the event, so that a window is a number of events.
 */

export const TABLES = ['event', 'delivery', 'attempt'] as const
type Table = (typeof TABLES)[number]

/** Events of a delivered delivery's life, and of a failed one's. One in fifty fails. */
export const WINDOW = 20_000
const FAILED_WINDOW = 4 * WINDOW
const FAILED_EVERY = 50
export const GROUP = 100
/** Whose tables and first rows the others copy. */
const MODEL = 'deletes_100'
const SLICES = [100, 500, 1_000, 2_000]
const PARTITION = WINDOW / 10
const NOW = 1_700_000_000_000

export interface Layout {
  name: string
  /** Keeps up with what is over, once. Returns rows and milliseconds; no rows: nothing is over. */
  clean(client: Client, events: number): Promise<{ rows: number; ms: number }>
  schema: string
  /** Cleans on with slices of several sizes, and prints what a row costs in each. */
  slices?(events: number): Promise<void>
  close(): Promise<void>
}

const AT: Record<Table, string> = { event: 'created_at', delivery: 'created_at', attempt: 'started_at' }

export async function deletes(server: OwnServer, slice: number): Promise<Layout> {
  const schema = `deletes_${slice}`
  const storage = postgres({ connectionString: server.url, schema })
  await storage.open({ now: NOW })
  await addEndpoint(storage, 'ep_1', 'acme')
  const event = await newEvent(storage, { id: 'evt_1', tenant: 'acme', to: ['ep_1'], now: NOW })
  event.event.body = new Uint8Array(1_024).fill(120)
  await storage.insertEvents({ now: NOW, worker: WORKER, events: [event] })
  const [claimed] = await claim(storage, 'ep_1', { now: NOW })
  if (claimed === undefined) throw new Error('nothing was claimed')
  await storage.settle({ now: NOW, settlements: [delivered(claimed.lease)] })
  for (const table of TABLES) {
    await server.query(
      `CREATE TABLE IF NOT EXISTS pattern_${table} AS SELECT * FROM ${schema}.hookferry_${table} LIMIT 1`,
    )
  }
  const prune = async (events: number, limit: number) => {
    const now = NOW + events
    const before = { deliveredBefore: now - WINDOW, failedBefore: now - FAILED_WINDOW }
    const began = performance.now()
    const rows = await storage.prune({ now, ...before, limit })
    return { rows, ms: performance.now() - began }
  }
  return {
    name: `bounded deletes, ${slice} rows each`,
    schema,
    clean: (_, events) => prune(events, slice),
    async slices(events) {
      for (const [index, limit] of SLICES.entries()) {
        const sum = { rows: 0, ms: 0, calls: 0 }
        for (let last = 1; last > 0; sum.calls++) {
          const { rows, ms } = await prune(events + ((index + 1) * WINDOW) / SLICES.length, limit)
          sum.rows += last = rows
          sum.ms += ms
        }
        const [row, call] = [(sum.ms * 1_000) / sum.rows, sum.ms / sum.calls].map((each) => each.toFixed(1))
        process.stdout.write(`  slices of ${limit} rows: ${row} µs a row, ${call} ms each\n`)
      }
    },
    close: () => storage.close(),
  }
}

/** Without its unique indexes: those would need the partition's column. Only what is delivered can be dropped in time. */
export async function partitions(server: OwnServer): Promise<Layout> {
  const schema = 'partitions'
  await server.query(`CREATE SCHEMA ${schema}`)
  for (const table of TABLES) await partitioned(server, schema, table)
  let first = 0
  let last = 0
  return {
    name: 'partitions',
    schema,
    async clean(client, events) {
      // Those to come are made ahead, as a job would.
      for (; last * PARTITION < events + 2 * PARTITION; last++) await addPartition(client, schema, last)
      if ((first + 1) * PARTITION > events - WINDOW) return { rows: 0, ms: 0 }
      const began = performance.now()
      await dropPartition(client, schema, first++)
      return { rows: 3 * PARTITION, ms: performance.now() - began }
    },
    close: async () => {},
  }
}

async function partitioned(server: OwnServer, schema: string, table: Table): Promise<void> {
  const indexes = await server.query<{ sql: string }>(
    `SELECT indexdef AS sql FROM pg_indexes WHERE schemaname = '${MODEL}' AND tablename = 'hookferry_${table}'`,
  )
  const own = indexes.map(({ sql }) => sql.replace('UNIQUE ', '').replaceAll(`${MODEL}.`, `${schema}.`))
  await server.query(`
    CREATE TABLE ${schema}.hookferry_${table} (LIKE ${MODEL}.hookferry_${table} INCLUDING DEFAULTS)
    PARTITION BY RANGE (${AT[table]});
    CREATE TABLE ${schema}.${table}_kept PARTITION OF ${schema}.hookferry_${table} DEFAULT;
    ${own.join(';')}`)
}

async function addPartition(client: Client, schema: string, number: number): Promise<void> {
  const from = NOW + number * PARTITION
  for (const table of TABLES) {
    const options = table === 'delivery' ? 'fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02' : ''
    const storage = options === '' ? '' : `WITH (${options})`
    await client.query(`
      CREATE TABLE ${schema}.${table}_${number} PARTITION OF ${schema}.hookferry_${table}
      FOR VALUES FROM (${from}) TO (${from + PARTITION}) ${storage}`)
  }
}

/** What lives on is moved to the default partition, where it is deleted one day: failed deliveries with what belongs to them. */
async function dropPartition(client: Client, schema: string, number: number): Promise<void> {
  const of = (table: Table) => `${schema}.${table}_${number}`
  const kept = `SELECT key FROM ${of('delivery')} WHERE state <> 2`
  const rows: Record<Table, string> = {
    delivery: 'state <> 2',
    attempt: `delivery_key IN (${kept})`,
    event: `key IN (SELECT event_key FROM ${of('delivery')} WHERE state <> 2)`,
  }
  await client.query('BEGIN')
  for (const table of TABLES)
    await client.query(`CREATE TEMP TABLE t_${table} ON COMMIT DROP AS
    SELECT * FROM ${of(table)} WHERE ${rows[table]}`)
  for (const table of TABLES) {
    await client.query(`DROP TABLE ${of(table)}`)
    await client.query(`INSERT INTO ${schema}.hookferry_${table} OVERRIDING SYSTEM VALUE SELECT * FROM t_${table}`)
  }
  await client.query('COMMIT')
}

/** Accepts a group, and settles it: two transactions. Returns what the first took. */
export interface Writer {
  accept(first: number): Promise<number>
  settle(first: number): Promise<void>
}

export async function writerOf(client: Client, schema: string): Promise<Writer> {
  const insertOf = async (table: Table, given: Record<string, string>) => {
    const { rows } = await client.query<{ name: string }>(
      `SELECT column_name AS name FROM information_schema.columns
      WHERE table_schema = '${MODEL}' AND table_name = 'hookferry_${table}' ORDER BY ordinal_position`,
    )
    const names = rows.map(({ name }) => name)
    return {
      name: `${schema} ${table}`,
      text: `INSERT INTO ${schema}.hookferry_${table} (${names}) OVERRIDING SYSTEM VALUE
        SELECT ${names.map((name) => given[name] ?? `pattern.${name}`)}
        FROM pattern_${table} AS pattern, generate_series($1::bigint, $1::bigint + ${GROUP - 1}) AS n`,
    }
  }
  const at = `${NOW} + n`
  const key = '1000 + n'
  const event = await insertOf('event', { key, id: `'evt_' || lpad(n::text, 26, '0')`, created_at: at })
  const delivery = await insertOf('delivery', {
    ...{ key, event_key: key, endpoint_key: '1 + n % 100', tenant_key: '1 + n % 10', created_at: at, due_at: at },
    ...{ claim: '1', state: '1', ended_at: 'NULL', leased_at: at, lease_until: `${at} + 30000`, worker: `'${WORKER}'` },
  })
  const attempt = await insertOf('attempt', { delivery_key: key, number: '1', started_at: at })
  const settle = {
    name: `${schema} settle`,
    text: `UPDATE ${schema}.hookferry_delivery SET state = CASE WHEN key % ${FAILED_EVERY} = 0 THEN 3 ELSE 2 END,
        ended_at = created_at, leased_at = NULL, lease_until = NULL, worker = NULL
      WHERE key = ANY(ARRAY(SELECT 1000 + n FROM generate_series($1::bigint, $1::bigint + ${GROUP - 1}) AS n)) AND state = 1`,
  }
  const transaction = async (first: number, ...statements: { name: string; text: string }[]) => {
    await client.query('BEGIN')
    for (const statement of statements) await client.query({ ...statement, values: [first] })
    await client.query('COMMIT')
  }
  return {
    async accept(first) {
      const began = performance.now()
      await transaction(first, event, delivery)
      return performance.now() - began
    },
    settle: (first) => transaction(first, settle, attempt),
  }
}
