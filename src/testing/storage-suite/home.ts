import type { Storage } from '../../ports/storage.ts'

/** A transaction that a host has begun on its own connection to the database in which the storage keeps its data. */
export interface HostTransaction {
  /** What the host hands to `insertEventIn`. */
  tx: unknown
  /** Ends it; what was written by `tx` is there then. */
  commit(): Promise<void>
  /** Ends it, and nothing of it is there. */
  rollback(): Promise<void>
}

/** A place for data of one case: empty, and shared with nobody. */
export interface StorageHome {
  /**
   * An instance over the data of this place; the suite opens and closes it. Called once in a case, and again where an adapter
   * says `durable` (after the first was closed) or `multiProcess` (beside it).
   */
  connect(): Storage | Promise<Storage>
  /**
   * Begins a transaction on a connection of the host's own, over the same data. Left out by adapters that do not say
   * `transactions`.
   */
  begin?(): Promise<HostTransaction>
  /** `begin` may be called again while a transaction is open, and the storage can write meanwhile. */
  concurrentTransactions?: boolean
  /** Removes the data. All instances are closed and all transactions ended by then, also when the case failed. Left out: nothing to remove. */
  destroy?(): void | Promise<void>
}
