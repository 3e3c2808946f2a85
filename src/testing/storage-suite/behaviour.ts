import type { Storage, StorageSupports } from '../../ports/storage.ts'

/** What a case is given: a fresh, opened storage. */
export interface Bench {
  storage: Storage
  /** Closes what is open and opens the same data again. Only for cases that need `durable`. */
  reopen(): Promise<Storage>
  /** Opens the same data once more, beside what is open. Only for cases that need `multiProcess`. */
  second(): Promise<Storage>
}

/** One thing that a storage promises. */
export interface Behaviour {
  name: string
  /** Left out by an adapter that does not claim this. */
  needs?: keyof StorageSupports
  check(bench: Bench): Promise<void>
}
