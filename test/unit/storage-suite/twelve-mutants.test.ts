import { describe, expect, it } from 'vitest'
import { storageSuite } from '../../../src/testing/storage-suite.ts'
import { type Breakage, EVERYTHING, hostedMemory } from './hosted-memory.ts'
import { TWELVE_MUTANTS } from './twelve-mutants.ts'

interface Verdict {
  cases: number
  /** Cases that found a promise broken. */
  caughtBy: string[]
  /** Cases that failed without telling which. */
  crashed: string[]
}

/** The whole suite against one storage; its cases have nothing in common, so that they need not wait for each other. */
async function verdictOn(breakage: Breakage): Promise<Verdict> {
  const suite = storageSuite({ create: () => hostedMemory(breakage), supports: EVERYTHING })
  const outcomes = await Promise.allSettled(suite.map(({ run }) => run()))
  const verdict: Verdict = { cases: suite.length, caughtBy: [], crashed: [] }
  for (const [index, { name }] of suite.entries()) {
    const outcome = outcomes[index]
    if (outcome?.status !== 'rejected') continue
    verdict[outcome.reason?.name === 'AssertionError' ? 'caughtBy' : 'crashed'].push(name)
  }
  return verdict
}

describe('twelve wrong storages, each against the whole suite', () => {
  it('are twelve', () => {
    const numbers = TWELVE_MUTANTS.map(({ mutant }) => Number.parseInt(mutant, 10))
    expect(numbers).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  })

  it('differ from a right one, which passes every case', async () => {
    const { cases, caughtBy, crashed } = await verdictOn({})
    expect({ caughtBy, crashed }).toEqual({ caughtBy: [], crashed: [] })
    expect(cases).toBeGreaterThan(200)
  })

  for (const { mutant, breakage, caughtBy } of TWELVE_MUTANTS) {
    it(`${mutant}: caught by ${caughtBy.length} cases`, async () => {
      const verdict = await verdictOn(breakage)
      // More cases may notice it than are named: the suite grows.
      expect(verdict.caughtBy).toEqual(expect.arrayContaining(caughtBy))
      expect(verdict.crashed).toEqual([])
      // A storage of which nothing works would prove nothing: each is wrong in one thing.
      expect(verdict.caughtBy.length).toBeLessThan(verdict.cases / 10)
    })
  }
})
