import { describe, expect, it } from 'vitest'
import type { Storage } from '../../../src/ports/storage.ts'
import { type Report, simulate } from './simulate.ts'

/** Many seeds as tests. `HOOKFERRY_SEED=123 npx vitest run test/simulation` replays that one, and prints all that happened. */

const SEEDS_A_TEST = 50
/** Of a failing run: what happened last. */
const LINES_TOLD = 40

interface SeedsOptions {
  name: string
  from: number
  to: number
  /** Storage of its own for each run, and what cleans up after it. */
  storage: () => Promise<{ storage: Storage; cleanUp: () => Promise<void> }>
  /** What must have come about in one of the runs: seeds that reach nothing show nothing. */
  reach: readonly string[]
}

const replayedSeed: number | null = process.env.HOOKFERRY_SEED ? Number(process.env.HOOKFERRY_SEED) : null

export function simulateSeeds(options: SeedsOptions): void {
  const { name, from, to, reach } = options
  const figures: Record<string, number> = {}
  describe(name, () => {
    if (replayedSeed !== null) {
      it(`keeps its promises with seed ${replayedSeed}`, async () => {
        const report = await run(options, replayedSeed)
        console.log([...report.trace, JSON.stringify(report.figures)].join('\n'))
        if (report.violations.length > 0) expect.fail(told(options, report, 0))
      })
      return
    }
    for (let first = from; first <= to; first += SEEDS_A_TEST) {
      const last = Math.min(to, first + SEEDS_A_TEST - 1)
      it(`keeps its promises with the seeds ${first} to ${last}`, { timeout: 120_000 }, async () => {
        const failures: string[] = []
        for (let seed = first; seed <= last; seed++) {
          const report = await run(options, seed)
          for (const [key, count] of Object.entries(report.figures)) figures[key] = (figures[key] ?? 0) + count
          if (report.violations.length > 0) failures.push(told(options, report, failures.length === 0 ? LINES_TOLD : 0))
        }
        if (failures.length > 0) expect.fail(failures.join('\n'))
      })
    }
    it('reaches what it is for', () => {
      console.log(`${name}, seeds ${from} to ${to}: ${JSON.stringify(figures)}`)
      expect(reach.filter((key) => !((figures[key] ?? 0) > 0))).toEqual([])
    })
  })
}

async function run({ storage }: SeedsOptions, seed: number): Promise<Report> {
  const own = await storage()
  try {
    return await simulate({ seed, storage: own.storage })
  } finally {
    await own.cleanUp()
  }
}

function told({ name }: SeedsOptions, { plan, violations, trace }: Report, lines: number): string {
  return [
    `Seed ${plan.seed} breaks a promise (${name}).`,
    ...violations.map(({ promise, detail }) => `  ${promise}: ${detail}`),
    `  Replay it: HOOKFERRY_SEED=${plan.seed} npx vitest run test/simulation`,
    ...trace.slice(trace.length - lines),
  ].join('\n')
}

/** What every run of many seeds should come upon. */
export const REACH: readonly string[] = [
  'crashes',
  'doubles',
  'replayed',
  'backfilled',
  'notRepeated',
  'attempt delivered',
  'attempt rejected',
  'attempt timed_out',
  'attempt connection_failed',
  'attempt gone',
  'attempt aborted',
  'attempt lost',
  'delivery delivered',
  'delivery failed attempts_exhausted',
  'delivery failed endpoint_gone',
  'delivery canceled endpoint_deleted',
  'delivery canceled event_canceled',
  'endpoint disabled',
  'endpoint paused',
  'fault busy',
  'fault unavailable',
  'fault doubtful',
  'fault full',
  'fault readOnly',
  'fault slowBefore',
  'fault slowAfter',
  'fault crashBefore',
  'fault crashAfter',
]
