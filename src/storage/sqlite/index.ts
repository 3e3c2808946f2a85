/**
 * Storage in one SQLite file, by better-sqlite3: the default.
 *
 * @module
 */

import type { TransactionalStorage } from '../../ports/storage.ts'
import type { SqliteTransaction } from './host-handle.ts'
import { eventInserter } from './insert-event-in.ts'
import { methodsBy } from './operations.ts'
import { IN_MEMORY, type SqliteOptions, settingsOf } from './options.ts'
import { createSession } from './session.ts'
import { createThreadedSession } from './threaded-session.ts'

export type { Statement } from './driver.ts'
export type { HostStatement, SqliteTransaction } from './host-handle.ts'
export type { SqliteOptions } from './options.ts'

/** A `Storage` in one SQLite file, which takes part in the host's own better-sqlite3 transactions. */
export interface SqliteStorage extends TransactionalStorage<SqliteTransaction, 'sync'> {
  readonly name: 'sqlite'
}

/** Keeps everything in one SQLite file, by better-sqlite3, which is loaded by `open`. Several processes may share the file. */
export function sqlite(options: SqliteOptions): SqliteStorage {
  const settings = settingsOf(options)
  const { open, close, call, onWork } = settings.thread ? createThreadedSession(settings) : createSession(settings)
  const inFile = settings.path !== IN_MEMORY
  const methods = methodsBy(call)
  let tell: ((warning: string) => void) | undefined
  const warn = (warning: string) => {
    tell?.(warning)
    return tell !== undefined
  }
  return {
    name: 'sqlite',
    supports: { durable: inFile, multiProcess: inFile, transactions: inFile, workHints: inFile },
    transactionMode: 'sync',

    async open(input) {
      const opened = await open()
      tell = input.warn
      return opened
    },
    async close() {
      tell = undefined
      await close()
    },
    // Nobody else writes to a storage in memory.
    ...(inFile ? { onWork } : {}),

    ...methods,
    nextDueAt: () => methods.nextDueAt(undefined),
    insertEventIn: eventInserter(settings, warn),
  }
}
