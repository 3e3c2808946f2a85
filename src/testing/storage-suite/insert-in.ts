import type { NewTxEvent, Storage, TransactionalStorage, TxInsertResult } from '../../ports/storage.ts'
import { holds, same } from './expect.ts'
import { type EventChoices, NOW, newTxEvent } from './fixtures.ts'
import type { HostTransaction } from './home.ts'

/** Hands over one event within a transaction of the host's; the answer is the caller's to judge. `given`: that very one. */
export async function insertIn(
  storage: Storage,
  { tx }: Pick<HostTransaction, 'tx'>,
  choices: EventChoices,
  given?: NewTxEvent,
): Promise<TxInsertResult> {
  holds(isTransactional(storage), 'an adapter with `transactions` has insertEventIn')
  const event = given ?? (await newTxEvent(storage, choices))
  const answer = storage.insertEventIn(tx, { now: choices.now ?? NOW, event })
  const mode = typeof (answer as { then?: unknown }).then === 'function' ? 'async' : 'sync'
  same(mode, storage.transactionMode, 'transactionMode tells whether the event is written before the call returns')
  return answer
}

function isTransactional(storage: Storage): storage is TransactionalStorage<unknown, 'sync' | 'async'> {
  return 'insertEventIn' in storage && 'transactionMode' in storage
}
