/**
 * What the database costs the host's event loop, in the host's thread and in one of its own: with a disk whose fsync takes 5 ms longer,
 * at 1,000 events a second, and with the disk as it is. `npm run bench:loop -- undici` measures it by that client.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { setup as buildWorker } from '../support/worker-build.ts'
import type { Run } from './loop-delay-run.ts'
import { type Figure, median, publish, type Target } from './report.ts'

const ROUNDS = 3
const CLIENT = process.argv[2] === 'undici' ? 'undici' : 'node-fetch'
const MODES = ['host', 'thread'] as const
const DISKS = ['slow', 'fast'] as const
const SHIM = '.cache/slow-fsync.so'

interface Measure {
  disk: (typeof DISKS)[number]
  of: string
  label: string
  unit: string
  target?: Target
}

const MEASURES: Measure[] = [
  { disk: 'slow', of: 'loopP50', label: 'slow fsync, 1,000 events/s: event-loop delay p50', unit: 'ms' },
  {
    disk: 'slow',
    of: 'loopP99',
    label: 'slow fsync, 1,000 events/s: event-loop delay p99',
    unit: 'ms',
    target: { atMost: 4 },
  },
  { disk: 'slow', of: 'bareLoopP99', label: 'the same rate of bare requests: event-loop delay p99', unit: 'ms' },
  { disk: 'slow', of: 'loopShare', label: 'event-loop delay p99, beside that of bare requests', unit: 'times' },
  { disk: 'slow', of: 'sendP50', label: 'slow fsync, 1,000 events/s: send p50', unit: 'ms' },
  { disk: 'slow', of: 'cpu', label: 'slow fsync, 1,000 events/s: CPU an event', unit: 'µs' },
  { disk: 'slow', of: 'bareCpu', label: 'the same rate of bare requests: CPU a request', unit: 'µs' },
  { disk: 'fast', of: 'accepts', label: 'accepts, 256 in flight', unit: '/s', target: { atLeast: 25_000 } },
  { disk: 'fast', of: 'endToEnd', label: 'end to end, 256 in flight', unit: '/s' },
  { disk: 'fast', of: 'cpu', label: 'end to end: CPU an event', unit: 'µs' },
  { disk: 'fast', of: 'sendP50', label: 'idle: send p50, one by one', unit: 'ms', target: { atMost: 0.5 } },
  { disk: 'fast', of: 'arrivalP50', label: 'idle: send to arrival p50', unit: 'ms', target: { atMost: 1 } },
  { disk: 'fast', of: 'arrivalP99', label: 'idle: send to arrival p99', unit: 'ms', target: { atMost: 5 } },
]

const PROGRAM = fileURLToPath(new URL('./loop-delay-run.ts', import.meta.url))

function run(disk: string, mode: string): Run {
  const env = disk === 'slow' ? { ...process.env, LD_PRELOAD: SHIM } : process.env
  const output = execFileSync(process.execPath, ['--import', 'tsx', PROGRAM, disk, mode, CLIENT], {
    env,
    encoding: 'utf8',
  })
  return JSON.parse(output)
}

await buildWorker()
mkdirSync('.cache', { recursive: true })
execFileSync('gcc', ['-shared', '-fPIC', '-O2', '-o', SHIM, 'test/bench/slow-fsync.c', '-ldl'])
const runs = new Map<string, Run[]>()
for (let round = 0; round < ROUNDS; round++) {
  for (const disk of DISKS) {
    for (const mode of MODES) {
      const key = `${disk} ${mode}`
      runs.set(key, [...(runs.get(key) ?? []), run(disk, mode)])
    }
  }
}

const figures: Figure[] = MEASURES.flatMap(({ disk, of, label, unit, target }) =>
  MODES.map((mode) => {
    const values = (runs.get(`${disk} ${mode}`) ?? []).map((one) => one[of] ?? Number.NaN)
    return median(`${label}, ${mode}`, values, target === undefined ? { unit } : { unit, target })
  }),
)
publish('loop-delay', {
  title: 'The database in the thread of the host, and in one of its own',
  command: CLIENT === 'undici' ? 'npm run bench:loop -- undici' : 'npm run bench:loop',
  setting: {
    storage: 'SQLite, synchronous=FULL',
    transport: CLIENT,
    'slow fsync': '5 ms longer',
    rounds: ROUNDS,
  },
  figures,
})
