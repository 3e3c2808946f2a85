import type { AttemptRecord } from '../../model/attempt.ts'
import type { DeliveryRecord } from '../../model/delivery.ts'
import type { EndpointRecord } from '../../model/endpoint.ts'
import type {
  CancelEventInput,
  ClaimedDelivery,
  InsertResult,
  Lease,
  NewEndpoint,
  NewEvent,
  NewTxEvent,
  Page,
  PageInput,
  Position,
  Settlement,
  SettleResult,
  Storage,
} from '../../ports/storage.ts'
import { holds, same } from './expect.ts'

/** The moment at which every case begins. */
export const NOW = 1_700_000_000_000
export const WORKER = 'wrk_a'
export const LEASE_MS = 30_000
const TENANT = 'default'

// ─── endpoints ───────────────────────────────────────────────────────────────────────────────────────────────────────

export function newEndpoint(id: string, over: Partial<NewEndpoint> = {}): NewEndpoint {
  return {
    id,
    tenant: TENANT,
    url: `https://example.com/${id}`,
    eventTypes: ['invoice.*'],
    description: null,
    headers: { 'x-customer': id },
    secrets: [{ value: `whsec_${id}`, createdAt: NOW, expiresAt: null }],
    overrides: { concurrency: 3, attempt: { deadlineMs: 5_000 } },
    metadata: { plan: 'gold' },
    ...over,
  }
}

export function addEndpoint(storage: Storage, id: string, tenant = TENANT, now = NOW): Promise<EndpointRecord> {
  return storage.createEndpoint({ endpoint: newEndpoint(id, { tenant }), now })
}

/** As it is now; it must be there. */
export async function endpointNow(storage: Storage, id: string): Promise<EndpointRecord> {
  const endpoint = await storage.getEndpoint({ id, tenant: null })
  holds(endpoint !== null, `endpoint ${id} is found`)
  return endpoint
}

export async function versionOf(storage: Storage, tenant = TENANT): Promise<number> {
  return (await storage.endpointChanges({ tenant, since: 0 }))?.version ?? 0
}

export function pause(storage: Storage, id: string, now = NOW): Promise<EndpointRecord | null> {
  return storage.changeEndpointState({
    id,
    tenant: null,
    from: ['active'],
    to: 'paused',
    reason: null,
    now,
    guard: null,
  })
}

export function resume(storage: Storage, id: string, now = NOW): Promise<EndpointRecord | null> {
  return storage.changeEndpointState({
    id,
    tenant: null,
    from: ['paused'],
    to: 'active',
    reason: null,
    now,
    guard: null,
  })
}

// ─── events ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface EventChoices {
  id: string
  tenant?: string
  type?: string
  /** Endpoints to deliver to. */
  to?: string[]
  now?: number
  dueAt?: number
  leaseUntil?: number
  worker?: string
  /** Idempotency key, forgotten after an hour. */
  key?: string
  idGiven?: boolean
  hash?: string
  /** Left out: that of the tenant now. */
  endpointsVersion?: number
  fanOut?: NewEvent['fanOut']
  orderingKey?: string
  /** Endpoints that the caller addressed, for the slices. */
  endpointIds?: string[]
}

/** An event as the engine would hand it over, against the tenant's endpoints as they are now. */
export async function newEvent(storage: Storage, choices: EventChoices): Promise<NewEvent> {
  const { id, tenant = TENANT, type = 'invoice.paid', now = NOW, dueAt = now, key, to = [] } = choices
  return {
    event: {
      id,
      tenant,
      type,
      occurredAt: now - 5,
      createdAt: now,
      deliverAt: dueAt,
      idempotencyKey: key ?? null,
      orderingKey: choices.orderingKey ?? null,
      contentType: 'application/json',
      body: new TextEncoder().encode(`{"id":"${id}"}`),
      headers: { 'x-trace': id },
      metadata: { origin: 'suite' },
      canceledAt: null,
    },
    idGiven: choices.idGiven ?? false,
    hash: choices.hash ?? `hash of ${key ?? id}`,
    idempotencyExpiresAt: key === undefined ? null : now + 3_600_000,
    endpointsVersion: choices.endpointsVersion ?? (await versionOf(storage, tenant)),
    endpointIds: choices.endpointIds ?? null,
    fanOut: choices.fanOut ?? 'inline',
    deliveries: to.map((endpointId) => ({ endpointId, dueAt, leaseUntil: choices.leaseUntil ?? null })),
  }
}

/** An event as the engine would hand it over to be written by a transaction of the host's. */
export async function newTxEvent(storage: Storage, choices: EventChoices): Promise<NewTxEvent> {
  const { event, idGiven, hash, idempotencyExpiresAt, endpointIds } = await newEvent(storage, {
    ...choices,
    endpointsVersion: 0,
  })
  return { event, idGiven, hash, idempotencyExpiresAt, endpointIds }
}

/** Hands over one event; the answer is the caller's to judge. */
export async function offer(storage: Storage, choices: EventChoices): Promise<InsertResult> {
  const { now = NOW, worker = WORKER } = choices
  const [result] = await storage.insertEvents({ now, worker, events: [await newEvent(storage, choices)] })
  holds(result !== undefined, 'insertEvents answers for each event')
  return result
}

/** Hands over one event that must be taken. Returns its deliveries in the order of `to`. */
export async function send(storage: Storage, choices: EventChoices): Promise<DeliveryRecord[]> {
  const result = await offer(storage, choices)
  same(result.status, 'inserted', `event ${choices.id} is taken`)
  const deliveries = await deliveriesOf(storage, choices.id)
  return (choices.to ?? []).map((endpointId) => {
    const delivery = deliveries.find((one) => one.endpointId === endpointId)
    holds(delivery !== undefined, `event ${choices.id} has a delivery for ${endpointId}`)
    return delivery
  })
}

/** Hands over one event for one endpoint. */
export async function sendOne(storage: Storage, choices: EventChoices & { to: [string] }): Promise<DeliveryRecord> {
  const [delivery] = await send(storage, choices)
  holds(delivery !== undefined, `event ${choices.id} has a delivery`)
  return delivery
}

/** Sends events of one ordering key to one endpoint, one after the other. Returns their deliveries. */
export async function chain(
  storage: Storage,
  endpointId: string,
  ids: string[],
  over: Partial<EventChoices> = {},
): Promise<DeliveryRecord[]> {
  const deliveries: DeliveryRecord[] = []
  for (const id of ids) {
    deliveries.push(await sendOne(storage, { orderingKey: 'k', ...over, id, to: [endpointId] }))
  }
  return deliveries
}

export async function deliveriesOf(storage: Storage, eventId: string): Promise<DeliveryRecord[]> {
  return collect((page) => storage.listDeliveries({ selection: { eventId }, ...page }))
}

/** Cancels an event that must be there. */
export async function cancelEvent(storage: Storage, over: Pick<CancelEventInput, 'id'> & Partial<CancelEventInput>) {
  const canceled = await storage.cancelEvent({ tenant: null, now: NOW, limit: 100, ...over })
  holds(canceled !== null, `event ${over.id} is found`)
  return canceled
}

/** As it is now; it must be there. */
export async function deliveryNow(storage: Storage, id: string): Promise<DeliveryRecord> {
  const delivery = await storage.getDelivery({ id, tenant: null })
  holds(delivery !== null, `delivery ${id} is found`)
  return delivery
}

// ─── claims and settlements ──────────────────────────────────────────────────────────────────────────────────────────

export interface ClaimChoices {
  now?: number
  limit?: number
  worker?: string
  leaseUntil?: number
}

export function claim(storage: Storage, endpointId: string, choices: ClaimChoices = {}): Promise<ClaimedDelivery[]> {
  const { now = NOW, limit = 10, worker = WORKER, leaseUntil = now + LEASE_MS } = choices
  return storage.claimDue({ now, worker, room: [{ endpointId, limit, leaseUntil }], defer: [] })
}

/** Claims one delivery, which must be there to be claimed. */
export async function claimOne(storage: Storage, endpointId: string, choices: ClaimChoices = {}): Promise<Lease> {
  const [claimed] = await claim(storage, endpointId, { ...choices, limit: 1 })
  holds(claimed !== undefined, `a delivery of ${endpointId} is due and can be claimed`)
  return claimed.lease
}

/** Claims what there is, and tells of which events it is. */
export async function claimedEvents(
  storage: Storage,
  endpointId: string,
  choices: ClaimChoices = {},
): Promise<string[]> {
  return (await claim(storage, endpointId, choices)).map(({ lease }) => lease.eventId)
}

/** Ids of the lanes that are due, in the order of service. */
export async function dueNow(storage: Storage, now = NOW, limit = 100, exclude: string[] = []): Promise<string[]> {
  return (await storage.dueLanes({ now, limit, exclude })).map(({ endpointId }) => endpointId)
}

export function attemptOf(lease: Lease, over: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    number: lease.claim,
    round: lease.round,
    url: `https://example.com/${lease.endpointId}`,
    startedAt: lease.leasedAt,
    durationMs: 12,
    outcome: 'delivered',
    status: 200,
    requestHeaders: { 'webhook-id': lease.eventId },
    responseHeaders: { 'content-type': 'text/plain' },
    responseBody: new TextEncoder().encode('ok'),
    remoteAddress: '192.0.2.1',
    timings: { dnsMs: 1, connectMs: 2, tlsMs: 3, headersMs: 4, bodyMs: null },
    error: null,
    ...over,
  }
}

/** The settlement of a delivered attempt. */
export function delivered(lease: Lease, over: Partial<Settlement> = {}): Settlement {
  const attempt = attemptOf(lease)
  return {
    deliveryId: lease.deliveryId,
    endpointId: lease.endpointId,
    claim: lease.claim,
    attempt,
    next: { state: 'delivered', reason: null, endedAt: lease.leasedAt + 12 },
    observation: { kind: 'success', at: attempt.startedAt, struggling: false },
    blockLaneUntil: null,
    ordered: lease.ordered,
    ...over,
  }
}

/** The settlement of a rejected attempt that is to be tried again. */
export function rejected(lease: Lease, dueAt: number, over: Partial<Settlement> = {}): Settlement {
  const attempt = attemptOf(lease, { outcome: 'rejected', status: 500 })
  return {
    ...delivered(lease),
    attempt,
    next: { state: 'pending', dueAt, step: lease.step + 1, lost: 0 },
    observation: { kind: 'failure', at: attempt.startedAt, struggling: false },
    ...over,
  }
}

/** The settlement of a rejected attempt that was the last. */
export function failed(lease: Lease): Settlement {
  return {
    ...rejected(lease, 0),
    next: { state: 'failed', reason: 'attempts_exhausted', endedAt: lease.leasedAt + 12 },
  }
}

export function settleAll(storage: Storage, settlements: Settlement[], now = NOW): Promise<SettleResult> {
  return storage.settle({ now, settlements })
}

/** Writes one settlement, which must be applied. */
export async function settleOne(storage: Storage, settlement: Settlement, now = NOW): Promise<SettleResult> {
  const result = await settleAll(storage, [settlement], now)
  same(result.statuses, ['applied'], 'the settlement of a lease in force is applied')
  return result
}

/** Sends, claims and delivers one event at one endpoint. */
export async function deliver(storage: Storage, id: string, endpointId: string, now = NOW): Promise<DeliveryRecord> {
  const delivery = await sendOne(storage, { id, to: [endpointId], now })
  await settleOne(storage, delivered(await claimOne(storage, endpointId, { now })), now)
  return deliveryNow(storage, delivery.id)
}

// ─── pages ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Pages that a list may take in a case before it counts as endless. */
const PAGES_MAX = 200

/** All items of all pages. */
export async function collect<T>(
  list: (page: PageInput) => Promise<Page<T>>,
  { limit = 100, examine = 1_000 }: { limit?: number; examine?: number } = {},
): Promise<T[]> {
  const items: T[] = []
  let after: Position | null = null
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const page: Page<T> = await list({ limit, examine, after })
    holds(page.items.length <= limit, 'a page holds no more than its limit')
    items.push(...page.items)
    if (page.next === null) return items
    after = page.next
  }
  throw new Error(`a list must come to an end: ${PAGES_MAX} pages and more`)
}
