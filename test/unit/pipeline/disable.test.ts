import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type EndpointHealth, HEALTHY } from '../../../src/model/endpoint.ts'
import { type DisableDecide, type DisablePolicy, judgeEndpoint } from '../../../src/pipeline/disable.ts'

const NOW = 1_700_000_000_000
const policy: DisablePolicy = { afterMs: 1_000, minFailures: 20 }
const failing = (forMs: number, failures: number, more: Partial<EndpointHealth> = {}): EndpointHealth => ({
  ...HEALTHY,
  failingSince: NOW - forMs,
  lastFailureAt: NOW,
  failures,
  ...more,
})
const judge = (health: EndpointHealth, given: DisablePolicy | false = policy) =>
  judgeEndpoint({ health, endpointId: 'ep_1', tenant: 'acme', policy: given, now: NOW })
const asking = (decide: (...told: unknown[]) => unknown): DisablePolicy => ({
  ...policy,
  decide: decide as DisableDecide,
})

describe('the rule', () => {
  it('disables when both the time and the failures are reached', () => {
    expect(judge(failing(1_000, 20))).toEqual({ verdict: 'disable', reason: 'failing' })
    expect(judge(failing(999, 20, { warned: true }))).toEqual({ verdict: 'keep' })
    expect(judge(failing(1_000, 19, { warned: true }))).toEqual({ verdict: 'keep' })
    expect(judge(failing(1_000_000, 1))).toEqual({ verdict: 'keep' })
    expect(judge(failing(0, 1_000_000))).toEqual({ verdict: 'keep' })
  })

  it('warns once at half of both', () => {
    expect(judge(failing(500, 10))).toEqual({ verdict: 'warn' })
    expect(judge(failing(499, 10))).toEqual({ verdict: 'keep' })
    expect(judge(failing(500, 9))).toEqual({ verdict: 'keep' })
    expect(judge(failing(500, 10, { warned: true }))).toEqual({ verdict: 'keep' })
  })

  it('disables without a warning when that was never due before', () => {
    expect(judge(failing(1_000, 20, { warned: false }))).toEqual({ verdict: 'disable', reason: 'failing' })
  })

  it('switched off, keeps everything', () => {
    expect(judge(failing(1e12, 1e6), false)).toEqual({ verdict: 'keep' })
  })
})

describe('decide', () => {
  it('overrules the rule to either side', () => {
    expect(
      judge(
        failing(1_000, 20),
        asking(() => 'keep'),
      ),
    ).toEqual({ verdict: 'keep' })
    expect(
      judge(
        failing(500, 10),
        asking(() => 'keep'),
      ),
    ).toEqual({ verdict: 'keep' })
    expect(
      judge(
        failing(0, 1),
        asking(() => 'disable'),
      ),
    ).toEqual({ verdict: 'disable', reason: 'decided' })
    expect(
      judge(
        failing(500, 10),
        asking(() => 'default'),
      ),
    ).toEqual({ verdict: 'warn' })
  })

  it('is told the health and whose it is', () => {
    const seen: unknown[] = []
    judge(
      failing(5, 3),
      asking((...told) => seen.push(...told)),
    )
    expect(seen).toEqual([{ ...failing(5, 3), endpointId: 'ep_1', tenant: 'acme' }])
  })

  it('can not change the health that it is told', () => {
    const health = failing(500, 10)
    const meddling = asking((told) => {
      Object.assign(told as EndpointHealth, { failures: 1_000, failingSince: 0 })
      return 'default'
    })
    expect(judge(health, meddling)).toEqual({ verdict: 'warn' })
    expect(health).toEqual(failing(500, 10))
  })

  it('that throws or answers nonsense counts as default, and is reported', () => {
    const error = new Error('of the host')
    const throwing = asking(() => {
      throw error
    })
    expect(judge(failing(1_000, 20), throwing)).toEqual({ verdict: 'disable', reason: 'failing', decideError: error })
    expect(judge(failing(0, 1), throwing)).toEqual({ verdict: 'keep', decideError: error })
    for (const answer of [undefined, null, true, 'warn', 'enable', {}, Promise.resolve('disable')]) {
      const decideError = expect.objectContaining({ code: 'argument_invalid', path: 'options.disable.decide' })
      expect(
        judge(
          failing(0, 1),
          asking(() => answer),
        ),
      ).toEqual({ verdict: 'keep', decideError })
    }
  })
})

describe('whatever happens', () => {
  const answers = fc.constantFrom('default', 'keep', 'disable', 'nonsense', null)
  const policies = fc.record({ afterMs: fc.nat(2_000), minFailures: fc.integer({ min: 1, max: 40 }) })
  const built = (given: DisablePolicy, answer: string | null): DisablePolicy =>
    answer === null ? given : { ...given, decide: (() => answer) as DisableDecide }

  it('a success never disables: an endpoint that is not failing is kept, whatever came before', () => {
    const recovered = fc.record({ failures: fc.nat(1_000), recoveredAt: fc.nat(NOW), struggling: fc.boolean() })
    fc.assert(
      fc.property(recovered, policies, answers, (health, given, answer) => {
        expect(judge({ ...HEALTHY, ...health }, built(given, answer))).toEqual({ verdict: 'keep' })
      }),
    )
  })

  it('nobody is disabled before both limits, unless decide says so', () => {
    fc.assert(
      fc.property(
        fc.nat(3_000),
        fc.nat(60),
        fc.boolean(),
        policies,
        answers,
        (forMs, failures, warned, given, answer) => {
          const { verdict } = judge(failing(forMs, failures, { warned }), built(given, answer))
          const over = forMs >= given.afterMs && failures >= given.minFailures
          const byRule = answer === 'default' || answer === 'nonsense' || answer === null
          expect(verdict === 'disable').toBe(byRule ? over : answer === 'disable')
          if (warned || answer === 'keep') expect(verdict).not.toBe('warn')
        },
      ),
      { numRuns: 1_000 },
    )
  })

  it('a run of failures grows worse, never better', () => {
    const rank = { keep: 0, warn: 1, disable: 2 }
    fc.assert(
      fc.property(fc.nat(3_000), fc.nat(60), fc.nat(500), fc.nat(20), (forMs, failures, moreMs, more) => {
        const earlier = judge(failing(forMs, failures)).verdict
        const later = judge(failing(forMs + moreMs, failures + more)).verdict
        expect(rank[later]).toBeGreaterThanOrEqual(rank[earlier])
      }),
    )
  })
})
