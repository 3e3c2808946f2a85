import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { quantile } from './loop.ts'
import { ACCEPTS, bareNodeFetch, DELIVERIES, IN_FLIGHT, onSqlite, startSink } from './measures.ts'
import * as pg from './postgres.ts'

/**
 * `npm run bench`: the median of five interleaved runs, on a real SQLite file at synchronous=FULL and on a Postgres of our own
 * with fsync on, the sink in a process of its own. Ratios are what can be compared between machines; absolute figures move
 * with the machine and its neighbours.
 */

const RUNS = 5

const SQLITE = {
  shareOfBareNodeFetch: 'end to end as a share of the bare node-fetch loop',
  eventsPerSecond: 'end-to-end events/s, node-fetch',
  bareNodeFetchPerSecond: 'bare node-fetch loop, requests/s',
  acceptsPerSecond: 'durable accepts/s',
  cpuMicrosPerEvent: 'CPU per event, end to end, µs',
  latencyP50Ms: 'send to arrival, p50, ms',
  latencyP99Ms: 'send to arrival, p99, ms',
  bytesPerEvent: 'bytes on disk per event (1 KB payload)',
}

const POSTGRES = {
  postgresShareOfBareNodeFetch: 'end to end as a share of the bare node-fetch loop',
  postgresShareOfBareInserts: 'durable accepts as a share of bare grouped inserts',
  postgresEventsPerSecond: 'end-to-end events/s, node-fetch',
  postgresBareNodeFetchPerSecond: 'bare node-fetch loop, requests/s',
  postgresAcceptsPerSecond: 'durable accepts/s',
  postgresBareInsertsPerSecond: 'bare inserts of the same rows, events/s',
  postgresCpuMicrosPerEvent: 'CPU of this process per event, end to end, µs',
  postgresStatementsPerEvent: 'statements per event, end to end',
  postgresBytesPerEvent: 'bytes in the database per event (1 KB payload)',
}

type Run = Record<keyof typeof SQLITE | keyof typeof POSTGRES, number>

async function oneRun(postgres: pg.PostgresBench): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), 'hookferry-bench-'))
  const sink = await startSink()
  try {
    const bareNodeFetchPerSecond = await bareNodeFetch({ inFlight: IN_FLIGHT, count: DELIVERIES }, sink)
    const { latencies, ...sqlite } = await onSqlite(folder, sink)
    const onPostgres = await postgres.run(sink)
    return {
      ...sqlite,
      bareNodeFetchPerSecond,
      shareOfBareNodeFetch: sqlite.eventsPerSecond / bareNodeFetchPerSecond,
      latencyP50Ms: quantile(latencies, 0.5),
      latencyP99Ms: quantile(latencies, 0.99),
      postgresShareOfBareNodeFetch: onPostgres.eventsPerSecond / onPostgres.bareNodeFetchPerSecond,
      postgresShareOfBareInserts: onPostgres.acceptsPerSecond / onPostgres.bareInsertsPerSecond,
      postgresEventsPerSecond: onPostgres.eventsPerSecond,
      postgresBareNodeFetchPerSecond: onPostgres.bareNodeFetchPerSecond,
      postgresAcceptsPerSecond: onPostgres.acceptsPerSecond,
      postgresBareInsertsPerSecond: onPostgres.bareInsertsPerSecond,
      postgresCpuMicrosPerEvent: onPostgres.cpuMicrosPerEvent,
      postgresStatementsPerEvent: onPostgres.statementsPerEvent,
      postgresBytesPerEvent: onPostgres.bytesPerEvent,
    }
  } finally {
    sink.process.disconnect()
    rmSync(folder, { recursive: true, force: true })
  }
}

function print(title: string, labels: Record<string, string>, medians: Record<string, number>): void {
  process.stdout.write(`\n${title}\n`)
  for (const [key, label] of Object.entries(labels)) {
    const value = medians[key] ?? Number.NaN
    process.stdout.write(`  ${label.padEnd(52)} ${value.toFixed(value < 10 ? 2 : 0).padStart(10)}\n`)
  }
}

const postgres = await pg.startPostgres()
const runs: Run[] = []
try {
  for (let index = 0; index < RUNS; index++) {
    runs.push(await oneRun(postgres))
    process.stdout.write(`run ${index + 1} of ${RUNS} done\n`)
  }
} finally {
  await postgres.stop()
}
const labels = { ...SQLITE, ...POSTGRES }
const middle = (key: string) =>
  quantile(
    runs.map((run) => run[key as keyof Run]),
    0.5,
  )
const medians = Object.fromEntries(Object.keys(labels).map((key) => [key, middle(key)])) as Run
print(`Median of ${RUNS} runs, ${IN_FLIGHT} in flight, SQLite on this thread at synchronous=FULL`, SQLITE, medians)
const { server_version: version, ...policy } = postgres.settings
const told = Object.entries(policy).map(([name, value]) => `${name}=${value}`)
print(
  `Median of ${RUNS} runs, ${pg.IN_FLIGHT} in flight, Postgres ${version} on the same machine, ${told.join(', ')}`,
  POSTGRES,
  medians,
)
const setting = {
  node: process.version,
  cpu: cpus()[0]?.model,
  cores: cpus().length,
  inFlight: IN_FLIGHT,
  accepts: ACCEPTS,
  deliveries: DELIVERIES,
  postgres: {
    ...postgres.settings,
    inFlight: pg.IN_FLIGHT,
    accepts: pg.ACCEPTS,
    deliveries: pg.DELIVERIES,
  },
}
writeFileSync('bench.json', `${JSON.stringify({ setting, medians, runs }, null, 2)}\n`)
process.stdout.write('\nwritten to bench.json\n')
