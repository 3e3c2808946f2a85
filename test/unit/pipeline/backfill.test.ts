import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { holding, isMissed } from '../../../src/pipeline/backfill.ts'

const missed = (type: string, endpointIds: string[] | null = null) => ({ id: 'evt_a', type, endpointIds })

describe('isMissed', () => {
  it('goes by the patterns of now', () => {
    const endpoint = { id: 'ep_a', eventTypes: ['invoice.*'] }
    expect(isMissed(missed('invoice.paid'), endpoint)).toBe(true)
    expect(isMissed(missed('user.created'), endpoint)).toBe(false)
    expect(isMissed(missed('user.created'), { id: 'ep_a', eventTypes: null })).toBe(true)
  })

  it('takes an addressed event by its addresses alone', () => {
    const endpoint = { id: 'ep_a', eventTypes: ['invoice.*'] }
    expect(isMissed(missed('invoice.paid', ['ep_b']), endpoint)).toBe(false)
    expect(isMissed(missed('user.created', ['ep_b', 'ep_a']), endpoint)).toBe(true)
  })
})

describe('holding', () => {
  it.each([
    [[], 3, 0],
    [[false, false], 1, 2],
    [[true, true, true], 2, 2],
    [[false, true, false, true, true], 1, 2],
    [[false, true, false, true, true], 2, 4],
    [[true, false, false], 1, 1],
    [[true, false, false], 2, 3],
  ])('%j up to %i: %i', (wanted, limit, expected) => {
    expect(holding(wanted, limit)).toBe(expected)
  })

  it('never takes more than the limit, and leaves out nothing before the last that it takes', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean()), fc.integer({ min: 1, max: 20 }), (wanted, limit) => {
        const taken = holding(wanted, limit)
        const count = wanted.slice(0, taken).filter(Boolean).length
        expect(count).toBe(Math.min(limit, wanted.filter(Boolean).length))
        expect(taken === wanted.length || wanted[taken - 1]).toBe(true)
      }),
    )
  })
})
