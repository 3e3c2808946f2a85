import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { shareRoom } from '../../../src/pipeline/claim.ts'
import type { DueLane } from '../../../src/ports/storage-delivery-types.ts'

interface Given {
  tenant: string
  room: number
  until?: number | null
}

/** Lanes named `ep_0`, `ep_1` … in the order of service. */
function share(given: readonly Given[], free: number) {
  const lanes = given.map(
    ({ tenant }, index): DueLane => ({ endpointId: `ep_${index}`, tenant, endpointsVersion: 1, struggling: false }),
  )
  const asked: DueLane[] = []
  const shares = shareRoom({
    lanes,
    free,
    roomOf: (lane) => {
      asked.push(lane)
      const { room = 0, until = null } = given[lanes.indexOf(lane)] ?? {}
      return { room, until }
    },
    leaseUntilOf: (lane) => 1_000 + lanes.indexOf(lane),
  })
  expect(asked).toEqual(lanes)
  return {
    ...shares,
    limits: given.map((_, index) => shares.room.find(({ endpointId }) => endpointId === `ep_${index}`)?.limit ?? 0),
  }
}

const lanes = (...given: [tenant: string, room: number][]): Given[] => given.map(([tenant, room]) => ({ tenant, room }))

describe('free slots', () => {
  it('go to tenants in turn first, then to their endpoints', () => {
    const given = lanes(['a', 9], ['a', 9], ['a', 9], ['b', 9])
    expect(share(given, 2).limits).toEqual([1, 0, 0, 1])
    expect(share(given, 4).limits).toEqual([1, 1, 0, 2])
    expect(share(given, 8).limits).toEqual([2, 1, 1, 4])
  })

  it('that one tenant does not want go to the others', () => {
    expect(share(lanes(['a', 1], ['b', 9]), 6).limits).toEqual([1, 5])
    expect(share(lanes(['a', 2], ['a', 9], ['b', 1]), 8).limits).toEqual([2, 5, 1])
  })

  it('when scarce go to the first in line', () => {
    expect(share(lanes(['b', 9], ['a', 9], ['c', 9]), 2).limits).toEqual([1, 1, 0])
    expect(share(lanes(['a', 9]), 0).limits).toEqual([0])
  })

  it('come with the lease of their own lane', () => {
    expect(share(lanes(['a', 1], ['b', 2]), 9).room).toEqual([
      { endpointId: 'ep_0', limit: 1, leaseUntil: 1_000 },
      { endpointId: 'ep_1', limit: 2, leaseUntil: 1_001 },
    ])
  })
})

describe('a lane without room', () => {
  it('is deferred until it is said to have some', () => {
    const { room, defer } = share(
      [
        { tenant: 'a', room: 0, until: 77 },
        { tenant: 'a', room: 1, until: 88 },
      ],
      9,
    )
    expect(defer).toEqual([{ endpointId: 'ep_0', until: 77 }])
    expect(room).toMatchObject([{ endpointId: 'ep_1', limit: 1 }])
  })

  it('is merely left out when nobody knows', () => {
    expect(share([{ tenant: 'a', room: 0, until: null }], 9)).toMatchObject({ room: [], defer: [] })
  })

  it('is deferred even when no slot is free', () => {
    expect(share([{ tenant: 'a', room: 0, until: 77 }], 0).defer).toHaveLength(1)
  })
})

describe('for any lanes', () => {
  const given = fc.array(
    fc.record({ tenant: fc.constantFrom('a', 'b', 'c', 'd'), room: fc.nat(6), until: fc.option(fc.nat(100)) }),
    { maxLength: 20 },
  )
  const free = fc.nat(40)

  it('neither the free slots nor a room are exceeded, and no slot is kept back that somebody wants', () => {
    fc.assert(
      fc.property(given, free, (given, free) => {
        const { limits, room, defer } = share(given, free)
        const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0)
        for (const [index, { room }] of given.entries()) expect(limits[index]).toBeLessThanOrEqual(room)
        expect(sum(limits)).toBe(Math.min(free, sum(given.map(({ room }) => room))))
        expect(room.every(({ limit }) => limit > 0)).toBe(true)
        expect(defer).toHaveLength(given.filter(({ room, until }) => room === 0 && until !== null).length)
      }),
    )
  })

  it('no tenant gets two more than another that wants more', () => {
    fc.assert(
      fc.property(given, free, (given, free) => {
        const { limits } = share(given, free)
        const tenants = [...new Set(given.map(({ tenant }) => tenant))].map((tenant) => {
          const own = given
            .map((lane, index) => ({ ...lane, limit: limits[index] ?? 0 }))
            .filter((lane) => lane.tenant === tenant)
          return {
            got: own.reduce((total, { limit }) => total + limit, 0),
            wantsMore: own.some(({ limit, room }) => limit < room),
          }
        })
        const most = Math.max(0, ...tenants.map(({ got }) => got))
        for (const { got, wantsMore } of tenants) if (wantsMore) expect(most - got).toBeLessThan(2)
      }),
    )
  })

  it('no endpoint gets two more than another of its tenant that wants more', () => {
    fc.assert(
      fc.property(given, free, (given, free) => {
        const { limits } = share(given, free)
        for (const [index, lane] of given.entries()) {
          if ((limits[index] ?? 0) === lane.room) continue
          const rivals = limits.filter((_, other) => given[other]?.tenant === lane.tenant)
          expect(Math.max(...rivals) - (limits[index] ?? 0)).toBeLessThan(2)
        }
      }),
    )
  })
})
