import type { ClaimInput, DueLane, LaneGrant } from '../ports/storage-delivery-types.ts'

/** Step 3: who is served next. Storage says which lanes have work, the permits say which have room; this shares it out. */

export interface ShareInput {
  /** In the order of service: tenants in turn. */
  lanes: readonly DueLane[]
  /** Slots to give away. */
  free: number
  /** How much a lane can take, and when to look at it again if that is nothing; asked once of each lane, in their order. */
  roomOf: (lane: DueLane) => { room: number; until: number | null }
  /** When a lease given now to this lane ends. */
  leaseUntilOf: (lane: DueLane) => number
}

export type Shares = Pick<ClaimInput, 'room' | 'defer'>

/** A lane with room, and what it was given up to now. */
interface Share {
  lane: DueLane
  room: number
  given: number
}

/**
 * Shares free slots by tenant first, then by endpoint: round after round, each tenant's next lane with room gets one slot. So
 * neither many endpoints nor a long queue brings a tenant more than its turn while others wait.
 */
export function shareRoom(input: ShareInput): Shares {
  const shares: Share[] = []
  const defer: Shares['defer'] = []
  for (const lane of input.lanes) {
    const { room, until } = input.roomOf(lane)
    if (room > 0) shares.push({ lane, room, given: 0 })
    else if (until !== null) defer.push({ endpointId: lane.endpointId, until })
  }
  giveAway(shares, input.free)
  const room: LaneGrant[] = shares
    .filter((share) => share.given > 0)
    .map(({ lane, given }) => ({ endpointId: lane.endpointId, limit: given, leaseUntil: input.leaseUntilOf(lane) }))
  return { room, defer }
}

/** Each tenant's lanes stand in a ring: the one served goes to its end, and leaves it when its room is used up. */
function giveAway(shares: readonly Share[], free: number): void {
  let rings = ringsOf(shares)
  let left = free
  while (left > 0 && rings.length > 0) {
    for (const ring of rings.slice(0, left)) {
      const share = ring.shift()
      if (share === undefined) continue
      share.given += 1
      left -= 1
      if (share.given < share.room) ring.push(share)
    }
    rings = rings.filter((ring) => ring.length > 0)
  }
}

function ringsOf(shares: readonly Share[]): Share[][] {
  const rings = new Map<string, Share[]>()
  for (const share of shares) {
    const ring = rings.get(share.lane.tenant)
    if (ring === undefined) rings.set(share.lane.tenant, [share])
    else ring.push(share)
  }
  return [...rings.values()]
}
