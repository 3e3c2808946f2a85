import { type Measured, medians } from './medians.ts'
import { type Figure, print } from './report.ts'
import { startSink } from './sink-process.ts'
import { IN_FLIGHT, onSqlite, RATIOS } from './sqlite.ts'
import { within } from './within.ts'

/**
 * `npm run bench:short`: the ratios alone, as the median of three short runs after one that warms up. Fails when one of them is under
 * half of its target: noise does not take a ratio there, a collapse does.
 */

const RUNS = 3
const SHARE = 0.4
/** For what hangs: it takes half a minute, and several on a slow machine with busy neighbours. */
const LIMIT_MS = 600_000

function collapsed({ value, target }: Figure): boolean {
  return target !== undefined && 'atLeast' in target && !(value >= target.atLeast / 2)
}

async function measure(): Promise<Measured[]> {
  const sink = await startSink()
  const runs: Measured[] = []
  for (let index = 0; index <= RUNS; index++) {
    runs.push(await onSqlite({ thread: false, share: SHARE, ratiosOnly: true }, sink))
  }
  sink.stop()
  return runs.slice(1)
}

const figures = medians(RATIOS, await within(LIMIT_MS, measure()))
const setting = { runs: RUNS, 'in flight': IN_FLIGHT, SQLite: 'synchronous=FULL', 'database thread': "the host's" }
print({ title: 'Ratios, short form', setting, figures })
const failed = figures.filter(collapsed)
for (const { label } of failed) process.stdout.write(`under half of its target: ${label}\n`)
process.exitCode = failed.length === 0 ? 0 : 1
