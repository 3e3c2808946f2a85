import { describe, expect, it } from 'vitest'
import { planOf } from '../support/simulation/plan.ts'
import { BROKEN } from '../support/simulation/sabotage.ts'
import { simulate } from '../support/simulation/simulate.ts'

/** Of these seeds at least one must notice. */
const SEEDS = Array.from({ length: 240 }, (_, index) => index + 1)

describe('the simulation notices', () => {
  it.each(BROKEN)('$what', { timeout: 120_000 }, async ({ sabotage, promises }) => {
    const seen = new Set<string>()
    for (const seed of SEEDS) {
      // A drain waits for ever for what never comes to rest.
      if (planOf(seed).finish === 'drain') continue
      const { violations } = await simulate({ seed, sabotage })
      if (violations.some(({ promise }) => promises.includes(promise))) return
      for (const { promise } of violations) seen.add(promise)
    }
    expect.fail(`no seed has noticed; what was seen instead: ${[...seen].join(', ') || 'nothing'}`)
  })
})

describe('a seed', () => {
  it('brings the same run each time', async () => {
    for (const seed of [3, 39, 250]) {
      const first = await simulate({ seed })
      const second = await simulate({ seed })
      expect(second.trace).toEqual(first.trace)
    }
  })
})
