import { CLIENTS } from './clients.ts'
import { medians } from './medians.ts'
import * as postgres from './postgres.ts'
import { type Chart, type Figure, publish } from './report.ts'
import { startSink } from './sink-process.ts'
import * as sqlite from './sqlite.ts'
import { within } from './within.ts'

/**
 * `npm run bench`: the median of five runs after one that warms up, of the built package; on SQLite files with the database in the
 * host's thread, then in one of its own, then on a Postgres of our own. `npm run bench -- sqlite`, `thread` or `postgres`: one of them.
 * In each run the two sides of a ratio are measured one right after the other. Ratios are what can be compared between machines;
 * absolute figures move with the machine and its neighbours.
 */

const RUNS = 5
const RUN_LIMIT_MS = 120_000
const COMMAND = 'npm run bench'
const shared = { package: 'as built', payload: '1 KB', runs: RUNS }

async function runsOf<T>(name: string, oneRun: () => Promise<T>): Promise<T[]> {
  const runs: T[] = []
  for (let index = 0; index <= RUNS; index++) {
    const run = await within(RUN_LIMIT_MS, oneRun())
    process.stdout.write(`${name}: ${index === 0 ? 'warmed up' : `run ${index} of ${RUNS} done`}\n`)
    if (index > 0) runs.push(run)
  }
  return runs
}

async function onSqlite(name: string, title: string, thread: boolean): Promise<void> {
  const sink = await startSink()
  const runs = await runsOf(title, () => sqlite.onSqlite({ thread, share: 1, ratiosOnly: false }, sink))
  sink.stop()
  const figures = medians([...sqlite.RATIOS, ...sqlite.ABSOLUTE], runs)
  const setting = {
    ...shared,
    'in flight': sqlite.IN_FLIGHT,
    SQLite: 'synchronous=FULL',
    'database thread': thread ? 'its own' : "the host's, as is the default",
  }
  const charts = [ratesChart(`${name}-rates`, title, figures), cpuChart(`${name}-cpu`, title, figures)]
  publish(name, { title, command: COMMAND, setting, figures, charts })
}

async function onPostgres(): Promise<void> {
  const server = await postgres.startPostgres()
  const sink = await startSink()
  try {
    const figures = medians(postgres.FIGURES, await runsOf('Postgres', () => server.run(sink)))
    const title = 'On Postgres'
    const setting = { ...shared, 'in flight': postgres.IN_FLIGHT, ...server.settings }
    const charts = [ratesChart('bench-postgres-rates', title, figures)]
    publish('bench-postgres', { title, command: COMMAND, setting, figures, charts })
  } finally {
    sink.stop()
    await server.stop()
  }
}

function ratesChart(name: string, where: string, figures: readonly Figure[]): Chart {
  return {
    name,
    title: `${where}: events a second`,
    unit: '/s',
    bars: bars(figures, '', ['end to end', 'bare loop'], '/s'),
  }
}

function cpuChart(name: string, where: string, figures: readonly Figure[]): Chart {
  return {
    name,
    title: `${where}: CPU an event`,
    unit: 'µs',
    bars: bars(figures, 'CPU per ', ['event', 'request'], 'µs'),
  }
}

/** Client by client: what of it begins so. */
function bars(figures: readonly Figure[], prefix: string, begins: readonly string[], unit: string) {
  return CLIENTS.flatMap((client) =>
    figures
      .filter((figure) => figure.unit === unit && figure.label.endsWith(client))
      .filter(({ label }) => begins.some((each) => label.startsWith(prefix + each)))
      .map(({ label, value }) => ({ label: label.replace(prefix, ''), value, bare: label.includes('bare') })),
  )
}

const PARTS: Record<string, () => Promise<void>> = {
  sqlite: () => onSqlite('bench', 'On SQLite', false),
  thread: () => onSqlite('bench-thread', 'On SQLite in a thread of its own', true),
  postgres: onPostgres,
}
const asked = process.argv.slice(2)
for (const [part, run] of Object.entries(PARTS)) if (asked.length === 0 || asked.includes(part)) await run()
