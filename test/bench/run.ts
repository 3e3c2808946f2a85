import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { ACCEPTS, accepts, bareNodeFetch, DELIVERIES, endToEnd, IN_FLIGHT, latencies, startSink } from './measures.ts'

/**
 * `npm run bench`: the median of five interleaved runs, on a real SQLite file at synchronous=FULL, the sink in a process of its
 * own. Ratios are what can be compared between machines; absolute figures move with the machine and its neighbours.
 */

const RUNS = 5

interface Run {
  acceptsPerSecond: number
  eventsPerSecond: number
  bareNodeFetchPerSecond: number
  shareOfBareNodeFetch: number
  cpuMicrosPerEvent: number
  latencyP50Ms: number
  latencyP99Ms: number
  bytesPerEvent: number
}

const LABELS: Record<keyof Run, string> = {
  shareOfBareNodeFetch: 'end to end as a share of the bare node-fetch loop',
  eventsPerSecond: 'end-to-end events/s, node-fetch',
  bareNodeFetchPerSecond: 'bare node-fetch loop, requests/s',
  acceptsPerSecond: 'durable accepts/s',
  cpuMicrosPerEvent: 'CPU per event, end to end, µs',
  latencyP50Ms: 'send to arrival, p50, ms',
  latencyP99Ms: 'send to arrival, p99, ms',
  bytesPerEvent: 'bytes on disk per event (1 KB payload)',
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

async function oneRun(): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), 'hookferry-bench-'))
  const sink = await startSink()
  try {
    const acceptsPerSecond = await accepts(folder, sink)
    const bareNodeFetchPerSecond = await bareNodeFetch(sink)
    const ours = await endToEnd(folder, sink)
    const times = await latencies(folder, sink)
    return {
      shareOfBareNodeFetch: ours.eventsPerSecond / bareNodeFetchPerSecond,
      eventsPerSecond: ours.eventsPerSecond,
      bareNodeFetchPerSecond,
      acceptsPerSecond,
      cpuMicrosPerEvent: ours.cpuMicrosPerEvent,
      latencyP50Ms: quantile(times, 0.5),
      latencyP99Ms: quantile(times, 0.99),
      bytesPerEvent: ours.bytesPerEvent,
    }
  } finally {
    sink.process.disconnect()
    rmSync(folder, { recursive: true, force: true })
  }
}

const runs: Run[] = []
for (let index = 0; index < RUNS; index++) {
  runs.push(await oneRun())
  process.stdout.write(`run ${index + 1} of ${RUNS} done\n`)
}
const medians = Object.fromEntries(
  Object.keys(LABELS).map((key) => [
    key,
    quantile(
      runs.map((run) => run[key as keyof Run]),
      0.5,
    ),
  ]),
) as unknown as Run
process.stdout.write(`\nMedian of ${RUNS} runs, ${IN_FLIGHT} in flight, SQLite on this thread at synchronous=FULL\n`)
for (const [key, label] of Object.entries(LABELS)) {
  const value = medians[key as keyof Run]
  process.stdout.write(`  ${label.padEnd(52)} ${value.toFixed(value < 10 ? 2 : 0).padStart(10)}\n`)
}
const setting = {
  node: process.version,
  cpu: cpus()[0]?.model,
  cores: cpus().length,
  inFlight: IN_FLIGHT,
  accepts: ACCEPTS,
  deliveries: DELIVERIES,
}
writeFileSync('bench.json', `${JSON.stringify({ setting, medians, runs }, null, 2)}\n`)
process.stdout.write('\nwritten to bench.json\n')
