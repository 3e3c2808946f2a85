import { errorCode, WebhookError } from '../errors.ts'
import type { Lease } from '../model/delivery.ts'
import type { EndpointRecord } from '../model/endpoint.ts'
import { type FanOutPlan, fanOut } from '../pipeline/fan-out.ts'
import { idempotencyConflict, type PreparedEvent } from '../pipeline/send.ts'
import type { InsertResult, NewDelivery, NewEvent } from '../ports/storage.ts'
import type { Work } from './attempt-runner.ts'
import type { EngineContext } from './context.ts'
import { leaseMsOf, permitSubjectOf } from './effective.ts'
import type { TenantEndpoints } from './endpoint-cache.ts'
import { GroupCommit } from './group-commit.ts'
import { hostTurn } from './host-turn.ts'
import type { Permit } from './permits.ts'
import { sleep, withRetries } from './resilient-storage.ts'

/** Step 1, the other half, and step 2 for events with few endpoints: accepted events are committed in groups. */

/** Deliveries written with their event; beyond it fan-out goes on in the background. */
const INLINE_DELIVERIES_MAX = 256
/** One transaction stays short: at most this many events, and this many bytes unless one event alone has more, */
const BATCH_COUNT_MAX = 128
const BATCH_BYTES_MAX = 1024 * 1024
/** and no further event once there are this many deliveries: a batch that makes more is written in several. */
const BATCH_DELIVERIES = 256

export interface Accepted {
  id: string
  duplicate: boolean
  deliveries: number | null
}

interface Item {
  prepared: PreparedEvent
  /** On the monotonic clock: when waiting ends. */
  deadline: number
  /** What may or may not have been written by an earlier try. The same is tried again, so that it is known what is there. */
  doubtful: NewEvent | null
  /** Its place is behind an event of its ordering key whose fan-out goes on. */
  behind: boolean
  /** Once there is one, the item is not written again, whatever becomes of the others of its batch. */
  answer: Answer | null
}

type Answer = Accepted | { error: unknown } | typeof KEY_WAITS

/** To be tried alone: a transaction of the host's that is still open may hold its key. */
const KEY_WAITS = { waits: true } as const
/** How long until such a one is tried again. */
const KEY_RETRY_MS = 50

/** A try to write one item: what goes to storage, and the permits taken for its fast lane. */
interface Draft {
  item: Item
  newEvent: NewEvent
  fast: Map<string, { endpoint: EndpointRecord; permit: Permit; validUntil: number }>
}

/**
 * The name on leases of the fast lane. It is not that on claims: an insert that is repeated after a doubtful commit must not
 * take a lease that a claim was given meanwhile for its own, and give it back under the attempt that uses it.
 */
export function fastWorkerOf(worker: string): string {
  return `${worker}f`
}

export interface AcceptorHooks {
  /** Whether attempts may be begun now. */
  open(): boolean
  /** Slots that the fast lane may use now; 0 while the sender is not started, is stopping, or has results unsettled. */
  fastRoom(): number
  begin(work: Work): void
  /** Of a lease that bears the fast lane's name. */
  giveBack(lease: Lease): void
  /** Deliveries were left to a claim, due from then on. */
  pendingFrom(dueAt: number): void
  fanOutWaiting(): void
}

export class Acceptor {
  readonly #context: EngineContext
  readonly #hooks: AcceptorHooks
  readonly #group: GroupCommit<Item, Answer>
  readonly #worker: string

  constructor(context: EngineContext, hooks: AcceptorHooks) {
    this.#context = context
    this.#worker = fastWorkerOf(context.worker)
    this.#hooks = hooks
    this.#group = new GroupCommit({
      countMax: BATCH_COUNT_MAX,
      bytesMax: BATCH_BYTES_MAX,
      write: (items) => this.#write(items),
      divisible: isDivisible,
    })
  }

  /** Resolves once the event is on stable storage. */
  async accept(prepared: PreparedEvent): Promise<Accepted> {
    const { clock, settings } = this.#context
    const bytes = prepared.event.body.byteLength
    const { count, bytes: bytesMax } = settings.acceptQueueMax
    // An event that is larger than the whole queue passes alone: else it would be `busy` for ever.
    if (this.#group.count >= count || (this.#group.count > 0 && this.#group.bytes + bytes > bytesMax)) {
      const message = `${this.#group.count} events wait for storage already: nothing was accepted, send again later with the same idempotencyKey.`
      throw new WebhookError('busy', message, { retryable: true })
    }
    const deadline = clock.monotonic() + settings.acceptTimeoutMs
    const item: Item = { prepared, deadline, doubtful: null, behind: false, answer: null }
    const answer = await this.#group.add(item, bytes)
    const final = 'waits' in answer ? await this.#alone(item) : answer
    if ('error' in final) throw final.error
    return final
  }

  /** Until the transaction that holds its key or id has ended, or its own time is over. */
  async #alone(item: Item): Promise<Exclude<Answer, typeof KEY_WAITS>> {
    for (;;) {
      item.answer = null
      const [answer] = await this.#write([item])
      if (answer !== undefined && !('waits' in answer)) return answer
      await sleep(this.#context.clock, KEY_RETRY_MS)
    }
  }

  async #write(items: Item[]): Promise<Answer[]> {
    const open = () => items.filter(isOpen)
    await withRetries(
      () => this.#tryOnce(open()),
      this.#context,
      (error) => {
        this.#giveUpLate(open(), error)
        return open().length > 0
      },
    ).catch((error) => {
      if (isDivisible(error) && open().length > 0) throw error
      // Only these fail: others of the batch were accepted before it came to this.
      for (const item of open()) item.answer = { error: item.doubtful !== null ? unknownOutcome(error) : error }
    })
    return items.map((item) => item.answer as Answer)
  }

  /** Answers those whose time is over, so that they are not written by a later try. */
  #giveUpLate(items: Item[], cause: unknown): void {
    const now = this.#context.clock.monotonic()
    for (const item of items) {
      if (now < item.deadline) continue
      const error = item.doubtful !== null ? unknownOutcome(cause) : notAccepted(cause)
      item.answer = { error }
    }
  }

  async #tryOnce(items: Item[]): Promise<void> {
    const { storage, clock } = this.#context
    this.#giveUpLate(items, undefined)
    const drafts = await this.#drafts(items.filter(isOpen))
    if (drafts.length === 0) return
    try {
      const events = drafts.map((draft) => draft.newEvent)
      const results = await storage.insertEvents({ now: clock.now(), worker: this.#worker, events })
      const refused = drafts.filter((draft, index) => !this.#conclude(draft, results[index] as InsertResult))
      const outdated = refused.filter(({ item }) => !item.behind)
      for (const tenant of new Set(outdated.map(({ item }) => item.prepared.event.tenant))) {
        await this.#context.endpoints.refresh(tenant)
      }
      const left = items.filter(isOpen)
      if (left.length === 0) return
      await hostTurn()
      return this.#tryOnce(left)
    } catch (error) {
      for (const draft of drafts) {
        this.#cancelFast(draft)
        if (!NOTHING_WRITTEN.has(errorCode(error))) draft.item.doubtful = withoutLeases(draft.newEvent)
      }
      throw error
    }
  }

  async #drafts(items: Item[]): Promise<Draft[]> {
    const tenants = new Map<string, TenantEndpoints>()
    for (const { prepared } of items) {
      const { tenant } = prepared.event
      const known = tenants.get(tenant) ?? (await this.#context.endpoints.at(tenant, 0))
      // An endpoint that is addressed and not known may have been created in another process just now.
      const unknown = prepared.endpointIds?.some((id) => known.get(id) === undefined) ?? false
      tenants.set(tenant, unknown ? await this.#context.endpoints.refresh(tenant) : known)
    }
    // From here to the insert nothing waits: permits are taken for no longer than the commit.
    let room = this.#hooks.fastRoom()
    let deliveries = 0
    const drafts: Draft[] = []
    for (const item of items) {
      if (deliveries >= BATCH_DELIVERIES) break
      const endpoints = tenants.get(item.prepared.event.tenant) as TenantEndpoints
      try {
        const draft = this.#draft(item, endpoints, room)
        room -= draft.fast.size
        deliveries += draft.newEvent.deliveries.length
        drafts.push(draft)
      } catch (error) {
        item.answer = { error }
      }
    }
    return drafts
  }

  #draft(item: Item, endpoints: TenantEndpoints, room: number): Draft {
    const { event, endpointIds, idGiven, hash, idempotencyExpiresAt } = item.prepared
    if (item.doubtful !== null) return { item, newEvent: item.doubtful, fast: new Map() }
    const matched = endpointIds === null ? endpoints.match(event.type) : addressed(endpointIds, endpoints)
    const spread = item.behind ? IN_BACKGROUND : fanOut({ event, matched, inlineMax: INLINE_DELIVERIES_MAX })
    const draft: Draft = {
      item,
      newEvent: {
        event,
        idGiven,
        hash,
        idempotencyExpiresAt,
        endpointIds,
        endpointsVersion: endpoints.version,
        fanOut: spread.fanOut,
        deliveries: spread.deliveries,
      },
      fast: new Map(),
    }
    draft.newEvent.deliveries = spread.deliveries.map((d) => this.#lease(draft, d, endpoints, room))
    return draft
  }

  /** Takes the fast lane for a delivery when there is room. */
  #lease(draft: Draft, delivery: NewDelivery, endpoints: TenantEndpoints, room: number): NewDelivery {
    const { clock, permits, settings } = this.#context
    const endpoint = endpoints.get(delivery.endpointId)
    const now = clock.now()
    if (draft.fast.size >= room || endpoint === undefined || endpoint.state !== 'active' || delivery.dueAt > now) {
      return delivery
    }
    const subject = permitSubjectOf(endpoint, this.#context.weather, settings)
    if (permits.free === 0 || permits.roomOf(subject).room === 0) return delivery
    const leaseMs = leaseMsOf(endpoint, settings)
    const validUntil = clock.monotonic() + leaseMs
    draft.fast.set(endpoint.id, { endpoint, permit: permits.take(subject), validUntil })
    return { ...delivery, leaseUntil: now + leaseMs }
  }

  /** Acts on storage's answer. False: nothing was written, and it is to be drafted anew. */
  #conclude(draft: Draft, result: InsertResult): boolean {
    const { item } = draft
    const { event } = item.prepared
    switch (result.status) {
      case 'inserted': {
        const { fanOut: mode, deliveries } = draft.newEvent
        item.answer = { id: event.id, duplicate: false, deliveries: mode === 'inline' ? deliveries.length : null }
        for (const lease of result.leases) {
          const fast = draft.fast.get(lease.endpointId)
          // What was changed while the commit's answer was on its way counts: a secret may have been revoked.
          const endpoint = this.#context.endpoints.known(lease.tenant)?.get(lease.endpointId)
          // Without a permit it is a lease of an earlier, doubtful commit: a claim shall have it. So shall a later claim, when the
          // endpoint was paused or deleted, or the sender stopped, meanwhile.
          if (fast === undefined || endpoint?.state !== 'active' || !this.#hooks.open()) {
            this.#hooks.giveBack(lease)
            continue
          }
          draft.fast.delete(lease.endpointId)
          this.#hooks.begin({ lease, event, ...fast, endpoint })
        }
        if (result.pending > 0) this.#hooks.pendingFrom(event.deliverAt)
        if (mode === 'background') this.#hooks.fanOutWaiting()
        break
      }
      case 'duplicate':
        item.answer = { id: result.eventId, duplicate: true, deliveries: result.deliveries }
        break
      case 'conflict':
        item.answer = { error: idempotencyConflict(result.eventId) }
        break
      case 'key_waits':
        item.doubtful = null
        item.answer = KEY_WAITS
        break
      default:
        // Nor was it written before: storage looks for that first.
        item.doubtful = null
        item.behind = result.status === 'fan_out_waits'
        this.#cancelFast(draft)
        return false
    }
    this.#cancelFast(draft)
    return true
  }

  #cancelFast(draft: Draft): void {
    for (const { permit } of draft.fast.values()) permit.cancel()
    draft.fast.clear()
  }
}

/** A storage that is busy, full or gone fails whole batches; anything else may be one bad row. */
const isDivisible = (error: unknown): boolean => !errorCode(error)?.startsWith('storage_')

function withoutLeases(newEvent: NewEvent): NewEvent {
  return { ...newEvent, deliveries: newEvent.deliveries.map((delivery) => ({ ...delivery, leaseUntil: null })) }
}

const IN_BACKGROUND: FanOutPlan = { fanOut: 'background', deliveries: [] }

const isOpen = (item: Item): boolean => item.answer === null

/** Refusals before the commit: after any other failure the events may or may not have been written. */
const NOTHING_WRITTEN: ReadonlySet<string | undefined> = new Set([
  'storage_busy',
  'storage_full',
  'storage_read_only',
  'storage_corrupt',
])

function unknownOutcome(cause: unknown): WebhookError {
  const message =
    'storage did not answer in time: the event may or may not have been accepted. Send it again with the same id or idempotencyKey.'
  return new WebhookError('storage_unavailable', message, { cause, retryable: true })
}

function notAccepted(cause: unknown): WebhookError {
  if (errorCode(cause) === 'storage_full') {
    const message = 'the storage is full: nothing was accepted. Make room, then send again.'
    return new WebhookError('storage_full', message, { cause, retryable: true })
  }
  const message = 'storage was busy for too long: nothing was accepted, send again later.'
  return new WebhookError('busy', message, { cause, retryable: true })
}

function addressed(endpointIds: readonly string[], endpoints: TenantEndpoints): EndpointRecord[] {
  return endpointIds.map((id) => {
    const endpoint = endpoints.get(id)
    if (endpoint !== undefined) return endpoint
    throw new WebhookError('endpoint_not_found', `send.endpoints names ${id}, which the event's tenant does not have.`)
  })
}
