import { describe, expect, it } from 'vitest'
import { planOf } from '../support/simulation/plan.ts'
import { BROKEN } from '../support/simulation/sabotage.ts'
import { simulate } from '../support/simulation/simulate.ts'

/** Of these seeds at least one must notice. */
const SEEDS = Array.from({ length: 80 }, (_, index) => index + 1)

describe('the simulation notices', () => {
  it.each(BROKEN)('$what', async ({ sabotage, promises }) => {
    for (const seed of SEEDS) {
      // A drain waits for ever for what never comes to rest.
      if (planOf(seed).finish === 'drain') continue
      const { violations } = await simulate({ seed, sabotage })
      if (violations.length === 0) continue
      expect(promises).toContain(violations[0]?.promise)
      return
    }
    expect.fail('no seed has noticed')
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
