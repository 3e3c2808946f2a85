import type { NewTxEvent, TxInsertResult } from '../../../src/ports/storage.ts'
import type { Fault } from './faults.ts'
import { type HostedStorage, MemoryTransaction, write } from './hosted-memory.ts'

/** Hands the event on as it should not be. */
function changing(change: (event: NewTxEvent) => NewTxEvent) {
  return (inner: HostedStorage): Partial<HostedStorage> => ({
    insertEventIn: (tx, { now, event }) => inner.insertEventIn(tx, { now, event: change(event) }),
  })
}

/** Answers as it should not. */
function answering(answer: (result: TxInsertResult, tx: MemoryTransaction, event: NewTxEvent) => TxInsertResult) {
  return (inner: HostedStorage): Partial<HostedStorage> => ({
    insertEventIn: async (tx, input) => answer(await inner.insertEventIn(tx, input), tx, input.event),
  })
}

const transactionFaults: Fault[] = [
  {
    fault: 'the event is written whatever becomes of the transaction',
    caughtBy: 'transactions: nobody else sees the event before the commit',
    of: (inner) => ({
      insertEventIn: async (_, input) => {
        const own = new MemoryTransaction()
        const result = await inner.insertEventIn(own, input)
        await write(own, inner)
        return result
      },
    }),
  },
  {
    fault: 'the endpoints that the caller of sendIn addressed are forgotten',
    caughtBy: 'transactions: a commit accepts the event: kept as it was given, its fan-out pending',
    of: changing((event) => ({ ...event, endpointIds: null })),
  },
  {
    fault: 'the body is kept as text',
    caughtBy: 'transactions: bytes, headers and metadata are kept as they were given',
    of: changing((item) => {
      const body = new TextEncoder().encode(new TextDecoder().decode(item.event.body))
      return { ...item, event: { ...item.event, body } }
    }),
  },
  {
    fault: 'a transaction keeps its last event only',
    caughtBy: 'transactions: several events in one are accepted together, or not at all',
    of: answering((result, tx) => {
      tx.staged.splice(0, tx.staged.length - 1)
      return result
    }),
  },
  {
    fault: 'an event of a new tenant takes in endpoints created later',
    caughtBy: 'transactions: a tenant never seen before is no trouble',
    of: (inner) => ({
      pendingFanOuts: async (input) =>
        (await inner.pendingFanOuts(input)).map((one) => ({ ...one, endpointsVersion: 1_000 })),
    }),
  },
  {
    fault: 'the ordering key of sendIn is forgotten',
    caughtBy: 'transactions: an event of an ordering key holds those behind it like any other',
    of: changing((item) => ({ ...item, event: { ...item.event, orderingKey: null } })),
  },
  {
    fault: 'a conflict is called a duplicate',
    caughtBy: 'transactions: the same key or given id again is a duplicate, with other arguments a conflict',
    of: answering((result) => (result.status === 'conflict' ? { ...result, status: 'duplicate' } : result)),
  },
  {
    fault: 'a transaction does not see what it has written itself',
    caughtBy: 'transactions: within one the second sees the first',
    of: (inner) => ({
      insertEventIn: async (tx, input) => {
        const own = new MemoryTransaction()
        const result = await inner.insertEventIn(own, input)
        tx.staged.push(...own.staged)
        return result
      },
    }),
  },
  {
    fault: 'a conflict undoes the transaction',
    caughtBy: 'transactions: a duplicate or conflict leaves the transaction as it was, to go on with',
    of: answering((result, tx) => {
      if (result.status === 'conflict') tx.staged.length = 0
      return result
    }),
  },
  {
    fault: 'keys of sendIn are apart from those of send',
    caughtBy: 'transactions: keys and ids are shared with insertEvents, both ways',
    of: changing((item) => ({ ...item, event: { ...item.event, idempotencyKey: `in ${item.event.idempotencyKey}` } })),
  },
  {
    fault: 'keys of sendIn never expire',
    caughtBy: 'transactions: an expired key is free again, unless that is rolled back',
    of: (inner) => ({ insertEventIn: (tx, input) => inner.insertEventIn(tx, { ...input, now: 0 }) }),
  },
  {
    fault: 'a generated id is inserted again',
    caughtBy: 'transactions: a generated id that is there already is a duplicate',
    of: answering((result, _, { idGiven }) => (idGiven ? result : { status: 'inserted' })),
  },
  {
    fault: 'anything is taken for a transaction',
    caughtBy: 'transactions: what is no transaction of its kind is refused as an argument',
    of: (inner) => ({
      insertEventIn: (tx, input) =>
        inner.insertEventIn(tx instanceof MemoryTransaction ? tx : new MemoryTransaction(), input),
    }),
  },
  {
    fault: 'a transaction waits for the one before',
    caughtBy: 'transactions: many open at once do not wait for each other, nor the storage for them',
    of: (inner) => {
      let writer: MemoryTransaction | null = null
      return {
        insertEventIn: (tx, input) => {
          writer ??= tx
          return writer === tx ? inner.insertEventIn(tx, input) : new Promise(() => {})
        },
      }
    },
  },
]

const hintFaults: Fault[] = [
  {
    fault: 'hints are missing',
    caughtBy: 'work hints: one instance is told of work that another has written',
    of: () => ({ onWork: () => () => {} }),
  },
  {
    fault: 'a listener cannot be ended',
    caughtBy: 'work hints: who has ended listening is told nothing more',
    of: (inner) => ({
      onWork: (listener) => {
        inner.onWork(listener)
        return () => {}
      },
    }),
  },
  {
    fault: 'listening works once',
    caughtBy: 'work hints: listening can begin again after it was ended',
    of: (inner) => {
      let listened = false
      return {
        onWork: (listener) => {
          if (listened) return () => {}
          listened = true
          return inner.onWork(listener)
        },
      }
    },
  },
  {
    fault: 'each instance has a clock of its own',
    caughtBy: 'time: two instances go by one clock',
    of: () => {
      const offset = Math.random() * 1e12
      return { time: async () => Date.now() + offset }
    },
  },
]

export const TRANSACTION_FAULTS: Fault[] = [...transactionFaults, ...hintFaults]
