import type { Lease } from '../model/delivery.ts'
import { shareRoom } from '../pipeline/claim.ts'
import type { ClaimedDelivery, DueLane, LaneGrant } from '../ports/storage.ts'
import type { Work } from './attempt-runner.ts'
import type { EngineContext } from './context.ts'
import { leaseMsOf, permitSubjectOf } from './effective.ts'
import type { Permit, PermitSubject } from './permits.ts'
import { type Patiently, patiently } from './resilient-storage.ts'

/** Step 3: claims what is due, for as many attempts as there are permits. */

/** Lanes looked at in one round. */
const LANES_MAX = 256
/** Rounds of one pass: the loop goes back to its other duties in between. */
const ROUNDS_MAX = 64

interface Subject {
  lane: DueLane
  permit: PermitSubject
}

/** The permits taken for one lane before its claim. */
interface Taken {
  lane: DueLane
  permits: Permit[]
  validUntil: number
}

export interface SchedulerHooks {
  begin(work: Work): void
  giveBack(lease: Lease): void
  /** Whether attempts may be begun now. */
  open(): boolean
}

export class Scheduler {
  readonly #context: EngineContext
  readonly #hooks: SchedulerHooks
  readonly #patiently: Patiently
  #backlog = false
  #excluded = false
  #lookedAt = Number.NEGATIVE_INFINITY

  constructor(context: EngineContext, hooks: SchedulerHooks) {
    this.#context = context
    this.#hooks = hooks
    this.#patiently = patiently(context, () => hooks.open())
  }

  /** Something due was left for want of permits. */
  get backlog(): boolean {
    return this.#backlog
  }

  /** A permit that comes free may let something be claimed. */
  get waiting(): boolean {
    return this.#backlog || this.#excluded
  }

  /** Whether what falls due at that moment, epoch milliseconds, was due already when the last pass looked. Null is never. */
  leftDue(dueAt: number | null): boolean {
    return dueAt !== null && dueAt <= Math.min(this.#context.clock.now(), this.#lookedAt)
  }

  /** Deliveries that are due were left to a claim. */
  noteBacklog(): void {
    this.#backlog = true
  }

  /** Claims until nothing is due or no permit is left. Returns the number of attempts begun. */
  async pass(): Promise<number> {
    const { clock, permits } = this.#context
    let begun = 0
    this.#lookedAt = clock.now()
    for (let round = 0; round < ROUNDS_MAX && this.#hooks.open(); round++) {
      if (permits.free === 0) return begun
      this.#lookedAt = clock.now()
      const lanes = await this.#dueLanes()
      this.#backlog = lanes.length > 0
      if (lanes.length === 0) return begun
      const { claimed, moved } = await this.#claim(lanes)
      begun += claimed
      if (claimed === 0 && !moved) return begun
    }
    return begun
  }

  #dueLanes(): Promise<DueLane[]> {
    const { storage, clock, permits } = this.#context
    const exclude = permits.fullEndpoints()
    this.#excluded = exclude.length > 0
    return this.#patiently(() => storage.dueLanes({ now: clock.now(), limit: LANES_MAX, exclude }))
  }

  async #claim(lanes: DueLane[]): Promise<{ claimed: number; moved: boolean }> {
    const { storage, clock, permits, endpoints, settings, worker } = this.#context
    await this.#patiently(async () => {
      for (const lane of lanes) await endpoints.at(lane.tenant, lane.endpointsVersion)
    })
    // From here to the claim nothing waits: the permits that are seen are the permits that are taken.
    const now = clock.now()
    const subjects = this.#subjects(lanes)
    const shared = shareRoom({
      lanes,
      free: this.#hooks.open() ? permits.free : 0,
      roomOf: this.#rooms(subjects, now),
      leaseUntilOf: (lane) => now + leaseMsOf(this.#endpoint(lane), settings),
    })
    if (shared.room.length === 0 && shared.defer.length === 0) return { claimed: 0, moved: false }
    const taken = this.#take(subjects, shared.room, now)
    let claimed: ClaimedDelivery[] = []
    try {
      claimed = await this.#patiently(() => storage.claimDue({ now, worker, ...shared }))
      for (const { lease, event } of claimed) {
        const own = taken.get(lease.endpointId)
        const permit = own?.permits.pop()
        const endpoint = own && this.#endpoint(own.lane)
        // It may have been paused or deleted while the claim's answer was on its way.
        if (own && permit && endpoint?.state === 'active' && this.#hooks.open()) {
          this.#hooks.begin({ lease, event, endpoint, permit, validUntil: own.validUntil })
        } else {
          permit?.cancel()
          this.#hooks.giveBack(lease)
        }
      }
    } finally {
      for (const { permits: unused } of taken.values()) for (const permit of unused) permit.cancel()
    }
    return { claimed: claimed.length, moved: true }
  }

  #endpoint(lane: DueLane) {
    return this.#context.endpoints.known(lane.tenant)?.get(lane.endpointId)
  }

  /** The lanes whose endpoint is active, with what permits depend on. */
  #subjects(lanes: DueLane[]): Map<string, Subject> {
    const { weather, settings } = this.#context
    const subjects = new Map<string, Subject>()
    for (const lane of lanes) {
      const endpoint = this.#endpoint(lane)
      if (endpoint === undefined || endpoint.state !== 'active') continue
      const now = { ...endpoint, health: { ...endpoint.health, struggling: lane.struggling } }
      subjects.set(lane.endpointId, { lane, permit: permitSubjectOf(now, weather, settings) })
    }
    return subjects
  }

  /** The room of one lane after the other. What struggling endpoints share counts as taken once it was shown to one. */
  #rooms(subjects: Map<string, Subject>, now: number): (lane: DueLane) => { room: number; until: number | null } {
    const { permits, settings } = this.#context
    let strugglingRoom = permits.strugglingRoom()
    return (lane) => {
      const subject = subjects.get(lane.endpointId)
      // Changed since storage was asked: the next look sees it as it is.
      if (subject === undefined) return { room: 0, until: now + settings.pollMs }
      const { room, retryInMs } = permits.roomOf(subject.permit)
      if (room > 0 && permits.isStruggling(subject.permit)) {
        if (strugglingRoom === 0) return { room: 0, until: now + settings.attempt.deadlineMs }
        strugglingRoom -= 1
      }
      return { room, until: retryInMs === null ? null : now + Math.ceil(retryInMs) }
    }
  }

  #take(subjects: Map<string, Subject>, grants: LaneGrant[], now: number): Map<string, Taken> {
    const { clock, permits } = this.#context
    const taken = new Map<string, Taken>()
    const monotonic = clock.monotonic()
    for (const { endpointId, limit, leaseUntil } of grants) {
      const subject = subjects.get(endpointId)
      if (subject === undefined) continue
      taken.set(endpointId, {
        lane: subject.lane,
        permits: Array.from({ length: limit }, () => permits.take(subject.permit)),
        validUntil: monotonic + (leaseUntil - now),
      })
    }
    return taken
  }
}
