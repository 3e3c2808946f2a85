import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { quantile } from './loop.ts'
import { bareNodeFetch, DELIVERIES, IN_FLIGHT, onSqlite, startSink } from './measures.ts'
import * as pg from './postgres.ts'
import { median, publish } from './report.ts'

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
const figures = (labels: Record<string, string>) =>
  Object.entries(labels).map(([key, label]) =>
    median(
      label,
      runs.map((run) => run[key as keyof Run]),
    ),
  )
publish('bench', {
  title: 'On SQLite',
  command: 'npm run bench',
  setting: { runs: RUNS, inFlight: IN_FLIGHT, synchronous: 'FULL', thread: "the host's" },
  figures: figures(SQLITE),
})
publish('bench-postgres', {
  title: 'On Postgres',
  command: 'npm run bench',
  setting: { runs: RUNS, inFlight: pg.IN_FLIGHT, ...postgres.settings },
  figures: figures(POSTGRES),
})
