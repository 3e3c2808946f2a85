import type { AttemptRecord } from '../model/attempt.ts'
import type { DeliveryRecord, Lease } from '../model/delivery.ts'
import type { EndpointRecord } from '../model/endpoint.ts'
import type { EventRecord, EventSummary } from '../model/event.ts'
import type { ReplayRecord } from '../model/replay.ts'
import type {
  ClaimedDelivery,
  ClaimInput,
  DueLane,
  DueLanesInput,
  ExpiredLease,
  FanOut,
  InsertEventInInput,
  InsertEventsInput,
  InsertResult,
  Settlement,
  SettleResult,
  SliceInput,
  TxInsertResult,
} from './storage-delivery-types.ts'
import type {
  AttemptQuery,
  BackfillInput,
  CancelEventInput,
  CanceledEvent,
  CancelHeldInput,
  Count,
  CountInput,
  DeliveryQuery,
  EndpointChanges,
  EndpointQuery,
  EndpointUpdate,
  EventProgress,
  EventQuery,
  MissedEvents,
  MissedEventsQuery,
  NewEndpoint,
  NewReplay,
  Page,
  PruneInput,
  ReplayProgressCounts,
  ReplayQuery,
  ReplayStepInput,
  StateChange,
  StorageStats,
} from './storage-types.ts'

export type * from './storage-delivery-types.ts'
export type * from './storage-types.ts'

/** What an adapter can do. The contract suite skips by this, and by nothing else. */
export interface StorageSupports {
  /** What was written is still there after `close` and `open`. */
  durable: boolean
  /** Several senders, in several processes, may share it. */
  multiProcess: boolean
  /** `insertEventIn` writes within a transaction of the host's. */
  transactions: boolean
  /** `onWork` tells what other senders wrote. */
  workHints: boolean
}

/**
 * Where events, endpoints, deliveries and attempts are kept.
 *
 * Each method is one atomic transaction: all of it is on stable storage when its promise resolves, or none of it. Storage
 * decides nothing: every moment, limit and next state comes in as an argument, and rows are written as told, under the fences
 * named here. A method may reject with a `WebhookError` whose `retryable` is true (busy, connection lost); the engine then
 * calls again with the same arguments, so each write must bear being repeated after a commit whose answer got lost. The codes
 * `storage_busy`, `storage_full`, `storage_read_only` and `storage_corrupt` say that surely nothing was written; any other
 * `storage_…` leaves that open. What is no `storage_…` is taken for the fault of a row: of a batch that fails so, each half is tried.
 *
 * In arguments `now` is the moment by storage's clock, epoch milliseconds; `id` says which row, `tenant` whose it must be (null:
 * whatever its tenant); `limit` bounds the rows that come back.
 *
 * Ids of deliveries are the storage's to make: 1 to 64 letters, digits, `_` and `-`, never used twice.
 *
 * A *lane* is an endpoint's queue. It is blocked while its endpoint is not active or deleted, and until the moment that a
 * settlement set. Lanes are served in turn: a lane is due when it is not blocked, holds a pending delivery with `dueAt <= now`
 * and is not deferred; due lanes stand in line by the moment at which they fell due or were last claimed from, whichever is
 * later, and tenants stand in line the same way, so that neither an endpoint nor a tenant with a long queue delays another.
 *
 * Deliveries of one endpoint whose events have the same *ordering key* take turns, in the order in which the deliveries were
 * written: only the first, the head, has a due time; the others are `pending` without one, and no claim sees them. When the head
 * comes to rest the next becomes head: by a settlement due at its own time, but not before that `now`; otherwise (`cancelHeld`,
 * `cancelEvent`, a release that cancels) due at its own time. Until then a head that fails is retried, rests or is held, and its
 * key waits, this key at this endpoint and nothing else. A replay requeues a delivery out of its turn, and a backfill writes it so:
 * it waits for nobody, and nobody for it.
 */
export interface Storage {
  /** Short name for messages, such as `sqlite`. */
  readonly name: string
  /** What it can do. */
  readonly supports: StorageSupports

  /**
   * Opens and migrates; `version` is that of its schema. Called once, before anything else. `warn` is told, in plain words, what an
   * operator should know.
   */
  open(input: { now: number; warn?: (warning: string) => void }): Promise<{ version: number }>
  /** Releases everything. Nothing is called afterwards. */
  close(): Promise<void>
  /**
   * The moment by the clock that all who share this storage go by, epoch milliseconds: every `now` comes from it. Left out: the
   * clock of the process is as good, since all of them run on one machine.
   */
  time?(): Promise<number>
  /**
   * Calls `listener` when another sender, or a transaction of the host's, may have written work: within 100 ms as a rule, seldom
   * for nothing, and not surely, since the engine polls as well. Begins after `open`; returns what ends it. Must not keep the
   * process alive. Left out: polling alone.
   */
  onWork?(listener: () => void): () => void

  // 1 send, 2 fan-out
  /**
   * Writes each event with its deliveries; results in the order of the events. A delivery behind another of its ordering key is
   * written without a turn, and not leased. Looked for in this order: a repeat of this very insert (answered with what is left of it:
   * leases of claim 1 that `worker` still holds, deliveries that are still pending), the idempotency key, the given id, the version of
   * the endpoint set, an earlier fan-out of its ordering key. An endpoint that is not there: `endpoint_not_found`, the batch fails.
   */
  insertEvents(input: InsertEventsInput): Promise<InsertResult[]>
  /**
   * Events whose deliveries are not all written, oldest first. Of those of one tenant and ordering key only the one that was
   * written first.
   */
  pendingFanOuts(input: { limit: number }): Promise<FanOut[]>
  /** Writes one slice and moves the cursor. False: the cursor had moved, nothing was written. */
  insertSlice(input: SliceInput): Promise<boolean>

  // 3 claim
  /** Lanes with something due, tenants in turn. Reads only. */
  dueLanes(input: DueLanesInput): Promise<DueLane[]>
  /**
   * Leases the oldest due deliveries of each granted lane, adding one to their claim number, and moves those lanes to the end
   * of the line. Never a delivery that is not due, leased, or in a blocked lane. Repeated, it claims what is due then: leases of an
   * answer that got lost run out.
   */
  claimDue(input: ClaimInput): Promise<ClaimedDelivery[]>
  /**
   * Gives back `leases` of this `worker` under which nothing was begun: pending again, due as before, the claim number taken back;
   * canceled where `cancelEvent` came meanwhile. Fenced by claim number and worker; those that do not match are left alone.
   */
  releaseLeases(input: { now: number; worker: string; leases: Lease[] }): Promise<void>
  /** Leases that ended before `now`, oldest first. Reads only: the engine settles them as `lost`. */
  expiredLeases(input: { now: number; limit: number }): Promise<ExpiredLease[]>
  /** The very moment at which `dueLanes` or `expiredLeases` would first find something; null: never, as things are. */
  nextDueAt(): Promise<number | null>

  // 6 settle
  /**
   * For each of `settlements`: fenced by claim number, writes the attempt, the delivery's next state and the endpoint's observation together, and
   * gives the next of its ordering key its turn.
   * `alreadyApplied`: this very settlement was written before, as its attempt's number, outcome and start tell. `stale`: another claim
   * or another's verdict; nothing written. `canceled`: `next` is pending, and `cancelEvent` came while the delivery was leased: it
   * is written as canceled with the reason `event_canceled` instead, ended at `now`.
   * Observations are monotonic: a success heals what began before it, a success at a healthy endpoint writes nothing.
   */
  settle(input: { now: number; settlements: Settlement[] }): Promise<SettleResult>

  // 7 replay
  /** Begins a replay of what matches now: deliveries made later are not part of it. Repeating it changes nothing. */
  createReplay(input: NewReplay): Promise<ReplayRecord>
  /**
   * Visits the next deliveries of a running replay in order of creation, requeues those at rest that match (pending, due now,
   * next round, first step, stamped with the replay), moves its cursor and counts, and completes it at the end. Those of
   * deleted endpoints are skipped.
   * Null: there is no such replay.
   */
  stepReplay(input: ReplayStepInput): Promise<ReplayRecord | null>
  /** It requeues nothing further; one that has ended is left as it is. Null: there is no such replay. */
  cancelReplay(input: { id: string; now: number }): Promise<ReplayRecord | null>
  /** Null: there is no such replay. */
  getReplay(id: string): Promise<ReplayRecord | null>
  /** Newest first. */
  listReplays(query: ReplayQuery): Promise<Page<ReplayRecord>>
  /** Of both kinds, those that are to be stepped, oldest first. */
  runningReplays(input: { limit: number }): Promise<ReplayRecord[]>
  /** Counts what it requeued by how it stands now. */
  replayProgress(id: string): Promise<ReplayProgressCounts>
  /** Counts matching deliveries at rest, as far as one look goes. */
  countAtRest(input: CountInput): Promise<Count>
  /**
   * Events of the selection, and of the endpoint's tenant, for which the endpoint has no delivery, in order of creation; never
   * canceled ones. Reads only. None where there is no such endpoint. An event that is committed once the cursor is past its place is
   * left to another backfill; a delivery that `prune` has removed is none.
   */
  missedEvents(query: MissedEventsQuery): Promise<MissedEvents>
  /**
   * Writes a delivery of each of these events for the endpoint of a running backfill: pending, due now but not before the event's
   * `deliverAt`, round 1, out of turn, stamped with the backfill, counted as requeued; moves its cursor, and completes it at the end.
   * Events that are gone, were canceled or have a delivery for the endpoint by now, and all where the endpoint is deleted, count as
   * skipped. With another cursor stored, or when it no longer runs, nothing is written. Returns the replay as it is then; null: there
   * is none.
   */
  insertBackfill(input: BackfillInput): Promise<ReplayRecord | null>

  // endpoints
  /** Writes `endpoint` as active, healthy and with an open lane, under the next version of its tenant's endpoint set. */
  createEndpoint(input: { endpoint: NewEndpoint; now: number }): Promise<EndpointRecord>
  /** Null: not found. */
  getEndpoint(input: { id: string; tenant: string | null }): Promise<EndpointRecord | null>
  /** Newest first. */
  listEndpoints(query: EndpointQuery): Promise<Page<EndpointRecord>>
  /** Null: not found. `conflict`: something that `guard` names is stored otherwise by now; nothing was written. */
  updateEndpoint(input: EndpointUpdate): Promise<EndpointRecord | 'conflict' | null>
  /**
   * Blocks or frees the lane with it. Leaving `disabled` resets health as a success at `now` would, and ends the lane's rest.
   * Null: not found, not in `from`, or guard changed.
   */
  changeEndpointState(input: StateChange): Promise<EndpointRecord | null>
  /**
   * Marks that `endpoint.failing` was told for the run of failures that began at `failingSince`. True for the one call that does.
   */
  markWarned(input: { id: string; failingSince: number }): Promise<boolean>
  /** Tombstone: secrets and headers wiped, lane blocked for good. False: not found. */
  deleteEndpoint(input: { id: string; tenant: string | null; now: number }): Promise<boolean>
  /**
   * Null: no change since version `since` of the tenant's endpoint set. Health and its verdicts never count as a change, the state does. The earliest changes first;
   * reading many would take long, so that later ones may be left for another call.
   */
  endpointChanges(input: { tenant: string; since: number }): Promise<EndpointChanges | null>

  // lists
  /** Null: not found. */
  getEvent(input: { id: string; tenant: string | null }): Promise<EventRecord | null>
  /** Newest first, like all lists but attempts. */
  listEvents(query: EventQuery): Promise<Page<EventSummary>>
  /** Null: not found. */
  eventProgress(input: { id: string; tenant: string | null }): Promise<EventProgress | null>
  /** Null: not found. */
  getDelivery(input: { id: string; tenant: string | null }): Promise<DeliveryRecord | null>
  /** The deliveries of the event `eventId` for these `endpointIds`, at most 200 of them, in no particular order. */
  deliveriesOf(input: { eventId: string; endpointIds: string[] }): Promise<DeliveryRecord[]>
  /** Newest first. */
  listDeliveries(query: DeliveryQuery): Promise<Page<DeliveryRecord>>
  /** In the order of their numbers. */
  listAttempts(query: AttemptQuery): Promise<Page<AttemptRecord>>

  // cancel
  /**
   * Marks the event as canceled, ends its fan-out, and cancels its pending deliveries, those that wait for their turn too, with the
   * reason `event_canceled`, up to `limit`. Those leased now bear the reason already, and are canceled when their settlement or
   * release would make them pending.
   * Deliveries at rest stay as they are; a later replay of them goes by its own full schedule. Repeating it goes on where it
   * stopped, and keeps the moment of the first. The event's idempotency key stays. Null: not found.
   */
  cancelEvent(input: CancelEventInput): Promise<CanceledEvent | null>

  // upkeep
  /**
   * Cancels held deliveries whose time is over, also those that wait for their turn. Returns those canceled: fewer than `limit`
   * means that none is left.
   */
  cancelHeld(input: CancelHeldInput): Promise<DeliveryRecord[]>
  /** Removes what retention gives up, with its attempts. Returns the rows removed: 0 means that none is left. */
  prune(input: PruneInput): Promise<number>
  /** `countMax` bounds the counting. */
  stats(input: { now: number; countMax: number }): Promise<StorageStats>
}

/**
 * A storage that can accept an event within a transaction of the host's own: the commit accepts it, a rollback leaves no trace.
 * `Tx` is what the host hands over; `Mode` tells whether the event is written before the call returns.
 */
export interface TransactionalStorage<Tx, Mode extends 'sync' | 'async'> extends Storage {
  /** `sync`: written when `insertEventIn` returns; `async`: when its promise resolves. */
  readonly transactionMode: Mode
  /**
   * Writes the event, and what its idempotency key needs, by the host's transaction: one statement where there is a way to the
   * server, no wait for another transaction except one with the same id or key, nothing that would abort the host's. Throws
   * `ArgumentError` for a `tx` that is not of this storage's kind, `not_in_transaction`, `transaction_aborted`, `storage_…`; then
   * nothing was written.
   */
  insertEventIn(tx: Tx, input: InsertEventInInput): Mode extends 'sync' ? TxInsertResult : Promise<TxInsertResult>
}
