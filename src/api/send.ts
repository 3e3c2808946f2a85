import { createHash } from 'node:crypto'
import type { Catalog } from '../catalog.ts'
import { WebhookError } from '../errors.ts'
import { makeId } from '../model/ids.ts'
import { idempotencyConflict, type PreparedEvent, prepareEvent, type WrittenEvent } from '../pipeline/send.ts'
import type { Storage, TransactionalStorage, TxInsertResult } from '../ports/storage.ts'
import { checkData, checkDataNow } from './check-data.ts'
import { checkEvent, type EventInput } from './check-event.ts'
import type { Core } from './core.ts'
import type { RunningCore } from './running-core.ts'
import type { Scope } from './scope.ts'

/** Step 1: an event is accepted, by a transaction of ours or of the host's. */

export interface SendResult {
  /** The event's id; that of the first one when it is a duplicate. */
  id: string
  /** The same id or idempotency key was accepted before: nothing new was written. */
  duplicate: boolean
  /** How many endpoints it goes to; null: they are still being written (many, or behind another event of its ordering key). */
  deliveries: number | null
}

/** What `sendIn` answers: its endpoints are found after the host's commit. */
export type TxSendResult = Omit<SendResult, 'deliveries'>

/**
 * `sendIn` as the storage allows it: synchronous or not, with the storage's kind of transaction; `never` where it has none.
 */
export type SendIn<C extends Catalog, S extends Storage> =
  S extends TransactionalStorage<infer Tx, infer Mode>
    ? (tx: Tx, event: EventInput<C>) => Mode extends 'sync' ? TxSendResult : Promise<TxSendResult>
    : never

export async function send(core: RunningCore, scope: Scope, input: EventInput): Promise<SendResult> {
  // Content and arguments are copied before anything is awaited: what the caller changes afterwards does not count.
  const written = await checkData(core, checkEvent(input, scope))
  const { engine } = await core.ready()
  core.clock.keepUp().catch(() => {})
  return engine.accept(prepare(core, written))
}

/** Answers at once where the storage does. When it throws or rejects, the host's transaction holds nothing of the event. */
export function sendIn(
  core: RunningCore,
  scope: Scope,
  tx: unknown,
  input: EventInput,
): TxSendResult | Promise<TxSendResult> {
  const storage = transactional(core.storage)
  if (storage.transactionMode === 'async') return core.track(insertLater(core, storage, scope, tx, input))
  core.refuseStopped()
  const event = prepare(core, checkDataNow(core, checkEvent(input, scope)))
  const inserted = storage.insertEventIn(tx, { now: core.clock.now(), event }) as TxInsertResult
  return answer(core, event, inserted)
}

async function insertLater(
  core: RunningCore,
  storage: AnyTransactional,
  scope: Scope,
  tx: unknown,
  input: EventInput,
): Promise<TxSendResult> {
  core.refuseStopped()
  core.clock.keepUp().catch(() => {})
  let written = checkData(core, checkEvent(input, scope))
  if (written instanceof Promise) {
    written = await written
    core.refuseStopped()
  }
  const event = prepare(core, written)
  return answer(core, event, await storage.insertEventIn(tx, { now: core.clock.now(), event }))
}

function answer(core: RunningCore, { event }: PreparedEvent, result: TxInsertResult): TxSendResult {
  if (result.status === 'conflict') throw idempotencyConflict(result.eventId)
  if (result.status === 'duplicate') return { id: result.eventId, duplicate: true }
  core.expectWork()
  return { id: event.id, duplicate: false }
}

export function prepare(core: Core, written: WrittenEvent): PreparedEvent {
  const now = core.clock.now()
  return prepareEvent({
    written,
    now,
    generatedId: makeId('evt', now, (size) => core.random.bytes(size)),
    payloadMaxBytes: core.settings.payloadMaxBytes,
    idempotencyMs: core.settings.idempotencyMs,
    digest,
    isoTime,
  })
}

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const isoTime = (ms: number): string => new Date(ms).toISOString()

type AnyTransactional = TransactionalStorage<unknown, 'sync' | 'async'>

function transactional(storage: Storage | null): AnyTransactional {
  if (storage === null) {
    const message = 'the default storage is loaded by the first call: await sender.health() once at start-up.'
    throw new WebhookError('storage_unavailable', message)
  }
  if (storage.supports.transactions && 'insertEventIn' in storage) return storage as AnyTransactional
  throw new WebhookError(
    'transactions_unsupported',
    `the ${storage.name} storage takes no part in your transactions: use one that does, such as sqlite on a file, or send() after your commit.`,
  )
}
