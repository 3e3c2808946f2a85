import { ArgumentError } from '../../../src/errors.ts'
import type {
  InsertEventInInput,
  NewTxEvent,
  Storage,
  StorageSupports,
  TransactionalStorage,
  TxInsertResult,
} from '../../../src/ports/storage.ts'
import { operationsOn } from '../../../src/storage/memory/operations.ts'
import { createTables, type Tables } from '../../../src/storage/memory/tables.ts'
import { versionOf } from '../../../src/testing/storage-suite/fixtures.ts'
import type { StorageHome } from '../../../src/testing/storage-suite.ts'

export const EVERYTHING: StorageSupports = { durable: true, multiProcess: true, transactions: true, workHints: true }

/** A transaction of a host: what it will write. */
export class MemoryTransaction {
  readonly staged: NewTxEvent[] = []
  now = 0
}

export interface HostedStorage extends TransactionalStorage<MemoryTransaction, 'async'> {
  onWork(listener: () => void): () => void
}

/** How a storage is broken; nothing left out: it is right. */
export interface Breakage {
  /** Methods that are wrong, over a storage that is right and its tables. */
  of?: (inner: HostedStorage, tables: Tables) => Partial<HostedStorage>
  /** A rollback that is wrong: what becomes of the events of the transaction. */
  rollback?: (transaction: MemoryTransaction, inner: Storage) => Promise<void>
}

/**
 * One memory storage behind all instances of a case, with hosts that begin transactions beside it: all that an adapter can
 * support.
 */
export function hostedMemory({
  of = () => ({}),
  rollback = async () => {},
}: Breakage = {}): Required<Pick<StorageHome, 'connect' | 'begin' | 'concurrentTransactions'>> {
  const tables = createTables()
  const listeners = new Map<object, Set<() => void>>()
  const inner = operationsOn(tables)
  return {
    connect: () => {
      const right = hosted(inner, listeners)
      return { ...right, ...of(right, tables) }
    },
    concurrentTransactions: true,
    begin: async () => {
      const tx = new MemoryTransaction()
      return {
        tx,
        commit: async () => {
          await write(tx, inner)
          tell(listeners)
        },
        rollback: () => rollback(tx, inner),
      }
    },
  }
}

function hosted(inner: Storage, listeners: Map<object, Set<() => void>>): HostedStorage {
  const own = new Set<() => void>()
  const self = {}
  listeners.set(self, own)
  return {
    ...inner,
    supports: EVERYTHING,
    transactionMode: 'async',
    insertEventIn: (tx, input) => stage(inner, tx, input),
    onWork: (listener) => {
      const heard = () => listener()
      own.add(heard)
      return () => own.delete(heard)
    },
    insertEvents: async (input) => {
      const results = await inner.insertEvents(input)
      tell(listeners, self)
      return results
    },
    insertSlice: async (input) => {
      const written = await inner.insertSlice(input)
      tell(listeners, self)
      return written
    },
  }
}

/** All but the one that wrote. */
function tell(listeners: Map<object, Set<() => void>>, writer?: object): void {
  for (const [instance, own] of listeners) if (instance !== writer) for (const listener of own) listener()
}

async function stage(inner: Storage, tx: unknown, { now, event }: InsertEventInInput): Promise<TxInsertResult> {
  if (!(tx instanceof MemoryTransaction)) {
    throw new ArgumentError('argument_type', 'sendIn.tx', 'expected a transaction of the memory host')
  }
  const earlier = ofTransaction(tx, event) ?? (await ofStorage(inner, now, event))
  if (earlier !== null) return earlier
  tx.staged.push(structuredClone(event))
  tx.now = now
  return { status: 'inserted' }
}

/** What the transaction itself has written before. */
function ofTransaction({ staged }: MemoryTransaction, { event, hash, idGiven }: NewTxEvent): TxInsertResult | null {
  const sameId = staged.find((one) => one.event.id === event.id)
  if (sameId !== undefined && !idGiven) return { status: 'duplicate', eventId: event.id }
  const sameKey = staged.find(
    (one) =>
      event.idempotencyKey !== null &&
      one.event.tenant === event.tenant &&
      one.event.idempotencyKey === event.idempotencyKey,
  )
  const earlier = sameKey ?? sameId
  if (earlier === undefined) return null
  return { status: earlier.hash === hash ? 'duplicate' : 'conflict', eventId: earlier.event.id }
}

/** What was committed before: asked for by an insert that cannot succeed, since no endpoint set has this version. */
async function ofStorage(inner: Storage, now: number, event: NewTxEvent): Promise<TxInsertResult | null> {
  const probe = { ...event, endpointsVersion: -1, fanOut: 'background' as const, deliveries: [] }
  const [found] = await inner.insertEvents({ now, worker: '', events: [probe] })
  if (found?.status === 'inserted') return { status: 'duplicate', eventId: event.event.id }
  if (found?.status !== 'duplicate' && found?.status !== 'conflict') return null
  return { status: found.status, eventId: found.eventId }
}

export async function write({ staged, now }: MemoryTransaction, inner: Storage): Promise<void> {
  for (const event of staged) {
    const endpointsVersion = await versionOf(inner, event.event.tenant)
    await inner.insertEvents({
      now,
      worker: '',
      events: [{ ...event, endpointsVersion, fanOut: 'background', deliveries: [] }],
    })
  }
}
