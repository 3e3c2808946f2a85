import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { type OwnServer, startOwnServer } from '../support/postgres/server.ts'
import { quantile } from './loop.ts'
import { deletes, GROUP, type Layout, partitions, TABLES, WINDOW, type Writer, writerOf } from './retention-layouts.ts'

/**
 * `npx tsx test/bench/retention.ts`: what retention costs by bounded deletes and by dropped partitions, over several windows,
 * about 5 minutes. The figures of `docs/decisions/0011-postgres-retention.md`.
 *
 * fsync is on and autovacuum as the schema sets it, but looking every second: a window lasts seconds here, not a week.
 */

const WINDOWS = 8
const LOOKUPS = 1_000
/** Accepting waits while so many events that are over are still there: else the backlog would be measured, not the layout. */
const LAG_MAX = WINDOW / 20

async function connected(server: OwnServer): Promise<Client> {
  const client = new Client({ connectionString: server.url })
  await client.connect()
  // As our transactions do: no plan of an empty table for a full one.
  await client.query('SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off')
  return client
}

async function measure(server: OwnServer, layout: Layout): Promise<void> {
  const [writing, cleaning] = [await connected(server), await connected(server)]
  const writer = await writerOf(writing, layout.schema)
  let events = 0
  let cleaned = { rows: 0, ms: 0 }
  let running = true
  let clean = 0
  await layout.clean(cleaning, events)
  const cleaner = (async () => {
    while (running) {
      const upTo = events
      const { rows, ms } = await layout.clean(cleaning, upTo)
      if (rows === 0) {
        clean = upTo
        await sleep(10)
      }
      cleaned = { rows: cleaned.rows + rows, ms: cleaned.ms + ms }
    }
  })()
  process.stdout.write(`\n${layout.name}: windows of ${WINDOW} events, one delivery and attempt each, 2 % failed\n`)
  process.stdout.write(
    'window  events/s  accept p50/p99/max ms  cleaned rows  µs a row    table MB    index MB  vacuums\n',
  )
  for (let window = 1; window <= WINDOWS; window++) {
    const began = performance.now()
    const accepts: number[] = []
    cleaned = { rows: 0, ms: 0 }
    for (const end = window * WINDOW; events < end; events += GROUP) {
      accepts.push(await writer.accept(events))
      await writer.settle(events)
      while (events - clean > LAG_MAX + GROUP) await sleep(5)
    }
    const rate = (WINDOW / (performance.now() - began)) * 1_000
    const quantiles = [0.5, 0.99, 1].map((share) => quantile(accepts, share).toFixed(1)).join('/')
    const cost = cleaned.rows === 0 ? '-' : ((cleaned.ms * 1_000) / cleaned.rows).toFixed(1)
    const { table, index, vacuums } = await sizes(server, layout)
    const columns = [quantiles.padStart(22), String(cleaned.rows).padStart(13), cost.padStart(9), table.padStart(11)]
    const line = `${String(window).padStart(6)}${rate.toFixed(0).padStart(10)}${columns.join(' ')}`
    process.stdout.write(`${line} ${index.padStart(11)} ${vacuums.padStart(8)}\n`)
  }
  running = false
  await cleaner
  await lookups(server, layout)
  await layout.slices?.(WINDOWS * WINDOW)
  await writing.end()
  await cleaning.end()
}

/** Event, delivery and attempt, each as `a+b+c`. */
async function sizes(server: OwnServer, { schema }: Layout) {
  const rows = await server.query<{ table: string; heap: string; indexes: string; vacuums: string }>(`
    SELECT root AS table, sum(pg_table_size(oid)) AS heap, sum(pg_indexes_size(oid)) AS indexes,
      sum(pg_stat_get_autovacuum_count(oid)) AS vacuums
    FROM (
      SELECT c.oid, replace(coalesce(p.relname, c.relname), 'hookferry_', '') AS root FROM pg_class AS c
        LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid LEFT JOIN pg_class AS p ON p.oid = i.inhparent
      WHERE c.relnamespace = '${schema}'::regnamespace AND c.relkind = 'r') AS t
    GROUP BY root`)
  const of = (column: 'heap' | 'indexes' | 'vacuums', unit: number) =>
    TABLES.map((name) => Math.round(Number(rows.find(({ table }) => table === name)?.[column] ?? 0) / unit)).join('+')
  return { table: of('heap', 1024 * 1024), index: of('indexes', 1024 * 1024), vacuums: of('vacuums', 1) }
}

/** By id, by key and along an endpoint: none of them knows when a row was made. */
async function lookups(server: OwnServer, { schema }: Layout): Promise<void> {
  const client = await connected(server)
  const first = (WINDOWS - 1) * WINDOW
  const reads: [string, string, (n: number) => unknown][] = [
    ['event by id', `event WHERE id = $1`, (n) => `evt_${String(first + n).padStart(26, '0')}`],
    ['delivery by key', `delivery WHERE key = $1`, (n) => 1_000 + first + n],
    [
      'first page of an endpoint',
      `delivery WHERE endpoint_key = $1 ORDER BY created_at DESC, key DESC LIMIT 50`,
      (n) => 1 + (n % 100),
    ],
  ]
  for (const [name, sql, value] of reads) {
    const began = performance.now()
    for (let n = 0; n < LOOKUPS; n++) {
      await client.query({ name, text: `SELECT * FROM ${schema}.hookferry_${sql}`, values: [value(n)] })
    }
    process.stdout.write(`  ${name.padEnd(28)} ${((performance.now() - began) / LOOKUPS).toFixed(3)} ms\n`)
  }
  await client.end()
}

/** How long an accept waits behind a DROP that waits for a transaction that reads, such as a report or a backup. */
async function waitBehindDrop(server: OwnServer, { schema }: Layout): Promise<void> {
  const clients = [await connected(server), await connected(server), await connected(server)] as const
  const [reading, dropping, writing] = clients
  const writer: Writer = await writerOf(writing, schema)
  const [oldest] = await server.query<{ name: string }>(`
    SELECT relname AS name FROM pg_class WHERE relnamespace = '${schema}'::regnamespace AND relname ~ '^delivery_[0-9]+$'
    ORDER BY oid LIMIT 1`)
  await reading.query(`BEGIN; SELECT 1 FROM ${schema}.hookferry_delivery LIMIT 1`)
  const drop = dropping.query(`DROP TABLE ${schema}.${oldest?.name}`)
  await sleep(100)
  const accept = writer.accept(WINDOWS * WINDOW)
  await sleep(3_000)
  await reading.query('COMMIT')
  process.stdout.write(`  an accept behind a DROP behind a reader of 3 s: ${(await accept).toFixed(0)} ms\n`)
  await drop
  for (const client of clients) await client.end()
}

const server = await startOwnServer(['-c', 'autovacuum_naptime=1s'])
try {
  const [settings] = await server.query<{ version: string; fsync: string; commit: string }>(`
    SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync,
      current_setting('synchronous_commit') AS commit`)
  process.stdout.write(
    `Postgres ${settings?.version}, fsync=${settings?.fsync}, synchronous_commit=${settings?.commit}\n`,
  )
  // As the engine asks for, and more at a time.
  for (const make of [() => deletes(server, 100), () => deletes(server, 1_000), () => partitions(server)]) {
    const layout = await make()
    await measure(server, layout)
    if (layout.name === 'partitions') await waitBehindDrop(server, layout)
    await layout.close()
    // Its dead rows are not to be cleaned while the next is measured.
    await server.query('VACUUM')
  }
} finally {
  await server.stop()
}
