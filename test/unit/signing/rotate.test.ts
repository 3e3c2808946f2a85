import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EndpointSecret } from '../../../src/model/endpoint.ts'
import { secretsInForce } from '../../../src/signing/in-force.ts'
import { rotated } from '../../../src/signing/rotate.ts'

const NOW = 1_000
const secret = (value: string, createdAt: number, expiresAt: number | null = null): EndpointSecret => ({
  value,
  createdAt,
  expiresAt,
})
const turned = (held: EndpointSecret[], fresh = 'new', overlapMs = 100) => rotated(held, fresh, { now: NOW, overlapMs })

describe('a rotation', () => {
  it('puts the new secret first, for good, and gives the one of before the overlap', () => {
    expect(turned([secret('old', 5)])).toEqual([secret('new', NOW), secret('old', 5, NOW + 100)])
  })

  it('never makes a secret last longer than it would have, and leaves it no longer than the overlap', () => {
    const held = [secret('c', 9), secret('b', 5, NOW + 10_000), secret('a', 1, NOW + 50)]
    expect(turned(held).slice(1)).toEqual([
      secret('c', 9, NOW + 100),
      secret('b', 5, NOW + 100),
      secret('a', 1, NOW + 50),
    ])
  })

  it('without an overlap leaves nothing of before', () => {
    expect(turned([secret('b', 9), secret('a', 1, NOW + 50)], 'new', 0)).toEqual([secret('new', NOW)])
  })

  it('to a secret that is in force makes it the newest, once', () => {
    const held = [secret('b', 9), secret('a', 1, NOW + 50)]
    expect(turned(held, 'a')).toEqual([secret('a', NOW), secret('b', 9, NOW + 100)])
  })

  it('to the newest secret changes nothing but what was to go sooner', () => {
    const held = [secret('b', 9), secret('a', 1, NOW + 50)]
    expect(turned(held, 'b')).toEqual(held)
    expect(turned(held, 'b', 10)).toEqual([secret('b', 9), secret('a', 1, NOW + 10)])
    expect(turned(held, 'b', 0)).toEqual([secret('b', 9)])
  })

  it('by a clock that was set back is still the newest', () => {
    expect(turned([secret('old', NOW + 7)])[0]).toEqual(secret('new', NOW + 7))
  })
})

it('whatever came before, the newest is the last one given, and each signs to the end of its shortest overlap', () => {
  const steps = fc.array(
    fc.record({ value: fc.constantFrom('a', 'b', 'c', 'd'), wait: fc.nat(60), overlapMs: fc.nat(100) }),
    { maxLength: 12 },
  )
  fc.assert(
    fc.property(steps, (steps) => {
      let held = [secret('first', 0)]
      let now = 0
      const ends = new Map<string, number>([['first', Number.POSITIVE_INFINITY]])
      for (const { value, wait, overlapMs } of steps) {
        now += wait
        held = rotated(secretsInForce(held, now), value, { now, overlapMs })
        for (const [other, end] of ends) ends.set(other, Math.min(end, now + overlapMs))
        ends.set(value, Number.POSITIVE_INFINITY)
        const live = [...ends].filter(([, end]) => end > now).map(([name]) => name)
        expect(secretsInForce(held, now)[0]?.value).toBe(value)
        expect(
          secretsInForce(held, now)
            .map(({ value }) => value)
            .sort(),
        ).toEqual(live.sort())
        for (const name of [...ends.keys()]) if (!live.includes(name)) ends.delete(name)
      }
    }),
  )
})
