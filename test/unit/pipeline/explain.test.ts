import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ExplainInput, type ExplainReason, explain } from '../../../src/pipeline/explain.ts'

const ACCEPTED = 1_700_000_000_000

interface Choices {
  addressed?: string[]
  fanningOut?: boolean
  canceled?: boolean
  patterns?: string[] | null
  createdVersion?: number
  updatedAt?: number
  hasDelivery?: boolean
}

/** An endpoint that was there when `invoice.paid` was accepted, at version 7, and has not changed since. */
function input(choices: Choices): ExplainInput {
  const { addressed = null, fanningOut = false, canceled = false, patterns = ['invoice.*'] } = choices
  return {
    progress: {
      event: { type: 'invoice.paid', createdAt: ACCEPTED, canceledAt: canceled ? ACCEPTED + 9 : null },
      endpointIds: addressed,
      endpointsVersion: 7,
      fanningOut,
    },
    endpoint: {
      id: 'ep_a',
      eventTypes: patterns,
      createdVersion: choices.createdVersion ?? 7,
      updatedAt: choices.updatedAt ?? ACCEPTED - 1,
    },
    hasDelivery: choices.hasDelivery ?? false,
  }
}

const differs = ['user.**']
const later = { createdVersion: 8 }
const changed = { updatedAt: ACCEPTED + 1 }

const CASES: Record<ExplainReason, { matched: Choices[]; not: Choices[] }> = {
  type_matches: {
    matched: [
      { hasDelivery: true },
      { hasDelivery: true, patterns: null },
      { hasDelivery: true, ...changed },
      { hasDelivery: true, canceled: true },
    ],
    not: [],
  },
  addressed: {
    matched: [
      { addressed: ['ep_a', 'ep_b'], hasDelivery: true },
      { addressed: ['ep_a'], hasDelivery: true, patterns: differs, ...changed },
    ],
    not: [],
  },
  backfilled: {
    matched: [
      { ...later, hasDelivery: true },
      { ...later, hasDelivery: true, patterns: differs },
    ],
    not: [],
  },
  still_fanning_out: {
    matched: [{ fanningOut: true }, { fanningOut: true, addressed: ['ep_a'], patterns: differs }],
    not: [],
  },
  event_canceled: { matched: [{ canceled: true }, { canceled: true, addressed: ['ep_a'], ...changed }], not: [] },
  delivery_removed: { matched: [{}, { addressed: ['ep_a'], patterns: differs, ...changed }], not: [] },
  type_differs: {
    matched: [],
    not: [
      { patterns: differs },
      { patterns: differs, ...changed },
      { patterns: differs, fanningOut: true },
      { patterns: differs, canceled: true },
    ],
  },
  not_addressed: { matched: [], not: [{ addressed: ['ep_b'] }, { addressed: ['ep_b'], fanningOut: true, ...later }] },
  created_later: { matched: [], not: [later, { ...later, fanningOut: true }, { ...later, patterns: differs }] },
  changed_since: {
    matched: [{ hasDelivery: true, patterns: differs, ...changed }],
    not: [changed, { ...changed, canceled: true }],
  },
}

describe('explain', () => {
  it.each(Object.entries(CASES))('%s', (reason, { matched, not }) => {
    for (const choices of matched) expect(explain(input(choices))).toEqual({ matched: true, reason })
    for (const choices of not) expect(explain(input(choices))).toEqual({ matched: false, reason })
  })

  it('takes a change in the very millisecond of the acceptance for one before it', () => {
    expect(explain(input({ updatedAt: ACCEPTED })).reason).toBe('delivery_removed')
  })

  it('says of whatever has a delivery that it matched, and of nothing else without saying why there is none', () => {
    const choices = fc.record<Choices>({
      addressed: fc.constantFrom(undefined as unknown as string[], ['ep_a']),
      fanningOut: fc.boolean(),
      canceled: fc.boolean(),
      patterns: fc.constantFrom(null, differs, ['invoice.*']),
      createdVersion: fc.constantFrom(6, 7, 8),
      updatedAt: fc.constantFrom(ACCEPTED - 1, ACCEPTED + 1),
      hasDelivery: fc.boolean(),
    })
    const without: ExplainReason[] = ['still_fanning_out', 'event_canceled', 'delivery_removed']
    fc.assert(
      fc.property(choices, (chosen) => {
        const { matched, reason } = explain(input(chosen))
        if (chosen.hasDelivery) expect(matched).toBe(true)
        else expect(matched).toBe(without.includes(reason))
      }),
    )
  })
})
