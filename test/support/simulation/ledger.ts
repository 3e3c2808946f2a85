import type { TransportRequest } from '../../../src/ports/transport.ts'
import { acceptances, slices } from './acceptance.ts'
import { observeBackfill, observeNewReplay } from './backfills.ts'
import { observeCancelEvent } from './cancellations.ts'
import type { Disk, Input, Method, Output } from './disk.ts'
import { observeEndpoint } from './endpoint-changes.ts'
import { claims, leasesAnswered, releases } from './leases.ts'
import {
  type BackfillModel,
  type DeliveryModel,
  type EndpointModel,
  type EventModel,
  isOpen,
  type RequestModel,
} from './model.ts'
import type { Plan } from './plan.ts'
import type { SimProcess } from './process.ts'
import { observeCanceled, observeReplayStep } from './replays.ts'
import { observeRequest } from './requests.ts'
import { settlements } from './settlements.ts'

/** A promise that was broken: what the run ends with. */
export interface Violation {
  promise: string
  detail: string
}

/**
 * What really happened, as commits and requests showed it, and whether it was allowed. The library is never asked here: what is
 * known comes from what it did.
 */
export class Ledger {
  readonly plan: Plan
  readonly endpoints = new Map<string, EndpointModel>()
  /** Endpoints by the host names they ever had. */
  readonly hosts = new Map<string, string>()
  readonly events = new Map<string, EventModel>()
  readonly backfills = new Map<string, BackfillModel>()
  readonly deliveries = new Map<string, DeliveryModel>()
  readonly deliveriesById = new Map<string, DeliveryModel>()
  /** Accepted keys, by tenant and key, with their expiry. */
  readonly idempotency = new Map<string, { eventId: string; expiresAt: number }>()
  /** Events accepted, by the number of their `send`. */
  readonly accepted = new Map<number, string[]>()
  readonly requests: RequestModel[] = []
  readonly violations: Violation[] = []
  readonly trace: string[] = []
  /** What befell the calls to storage. */
  readonly faults: string[] = []
  readonly now: () => number
  /** Attempts that failed and were not repeated, since their event was canceled. */
  notRepeated = 0
  disk: Disk | null = null
  /** Counts what was observed. */
  sequence = 0
  /** The latest moment that any clock showed to storage: by then a key may be forgotten, and no clock set back recalls it. */
  latestNow = 0

  constructor(plan: Plan, now: () => number) {
    this.plan = plan
    this.now = now
  }

  violated(promise: string, detail: string): void {
    this.violations.push({ promise, detail })
    this.note(() => `BROKEN: ${promise}: ${detail}`)
  }

  note(text: () => string): void {
    this.trace.push(`${this.now()} ${text()}`)
  }

  /** Called after each commit, before anything else reaches storage. */
  async observe(process: SimProcess, method: Method, input: Input, output: Output): Promise<void> {
    this.sequence += 1
    this.latestNow = Math.max(this.latestNow, input?.now ?? 0)
    switch (method) {
      case 'insertEvents':
        return acceptances(this, process, input, output)
      case 'insertSlice':
        return slices(this, input, output)
      case 'claimDue':
        return claims(this, process, input, output)
      case 'releaseLeases':
        return releases(this, process, input)
      case 'settle':
        return settlements(this, process, input, output)
      case 'stepReplay':
        return observeReplayStep(this, input, output)
      case 'createReplay':
        return observeNewReplay(this, input)
      case 'insertBackfill':
        return observeBackfill(this, process, input, output)
      case 'cancelEvent':
        return observeCancelEvent(this, process, input, output)
      case 'cancelHeld':
        return observeCanceled(this, process, output)
      case 'createEndpoint':
      case 'updateEndpoint':
      case 'changeEndpointState':
      case 'deleteEndpoint':
        return observeEndpoint(this, process, method, input, output)
    }
  }

  /** Whether something has neither come to rest nor is held. */
  unsettled(): boolean {
    return [...this.deliveries.values()].some(isOpen)
  }

  /** The process got its answer. */
  answered(process: SimProcess, method: Method, output: Output): void {
    if (method === 'insertEvents' || method === 'claimDue') leasesAnswered(this, process, method, output)
  }

  request(process: SimProcess, request: TransportRequest): RequestModel | null {
    return observeRequest(this, process, request)
  }
}
