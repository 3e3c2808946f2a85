/**
 * Storage in the memory of this process, for tests.
 *
 * @module
 */

import { type MemoryStorage, operationsOn } from './operations.ts'
import { createTables } from './tables.ts'

export type { MemoryStorage } from './operations.ts'

/**
 * Keeps everything in this process, and loses it with the process: for tests, and as the plainest reading of the storage
 * contract. Each operation runs without a pause, which makes it atomic. `close` keeps what was written, so that a test can
 * hand the same storage to one sender after another.
 */
export function memory(): MemoryStorage {
  return operationsOn(createTables())
}
