import type { Storage, StorageSupports } from '../../ports/storage.ts'
import type { HostTransaction } from './home.ts'

/** What a case is given: a fresh, opened storage. */
export interface Bench {
  storage: Storage
  /** Closes what is open and opens the same data again. Only for cases that need `durable`. */
  reopen(): Promise<Storage>
  /** Opens the same data once more, beside what is open. Only for cases that need `multiProcess`. */
  second(): Promise<Storage>
  /** Begins a transaction of a host; one that the case leaves open is rolled back. Only for cases that need `transactions`. */
  begin(): Promise<HostTransaction>
  /** Whether hosts may have several transactions open at once, and the storage writes meanwhile. */
  concurrentTransactions: boolean
}

/** One thing that a storage promises. */
export interface Behaviour {
  name: string
  /** Left out by an adapter that does not claim this, or all of these. */
  needs?: keyof StorageSupports | readonly (keyof StorageSupports)[]
  check(bench: Bench): Promise<void>
}
