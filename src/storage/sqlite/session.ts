import { WebhookError } from '../../errors.ts'
import { Connection } from './connection.ts'
import { loadDriver } from './driver.ts'
import { migrate } from './migrate.ts'
import { type OperationName, perform } from './operations.ts'
import type { Settings } from './options.ts'
import { pollVersion } from './poll-version.ts'

/** The one connection of a storage, from `open` to `close`: in this thread, or in one of its own. */
export interface Session {
  open(): Promise<{ version: number }>
  close(): Promise<void>
  /** Carries out one operation of the storage. Async, so that nothing throws before there is a promise. */
  call(name: OperationName, input: unknown): Promise<unknown>
  /** Calls `listener` when another connection has written, until it is told to end or the session closes. */
  onWork(listener: () => void): () => void
}

/** In this thread: each call ends before it returns. */
export function createSession(settings: Settings): Session {
  let connection: Connection | null = null
  const ends = new Set<() => void>()

  return {
    async open() {
      const db = connection ?? Connection.open(loadDriver(), settings)
      try {
        const version = migrate(db)
        connection = db
        return { version }
      } catch (error) {
        // Nothing is kept of a failed attempt, so that it can be repeated.
        db.close()
        connection = null
        throw error
      }
    },
    async close() {
      for (const end of ends) end()
      ends.clear()
      connection?.close()
      connection = null
    },
    async call(name, input) {
      if (connection === null) throw notOpen(settings)
      return perform(connection, name, input)
    },
    onWork(listener) {
      const end = pollVersion(() => (connection === null ? null : versionOf(connection)), listener)
      ends.add(end)
      return () => {
        end()
        ends.delete(end)
      }
    },
  }
}

export function notOpen({ path }: Settings): WebhookError {
  return new WebhookError('storage_unavailable', `SQLite file ${path} is not open: call open() first.`)
}

/** Another number after each commit of another connection, in this process or elsewhere; our own leave it. */
function versionOf(db: Connection): number | null {
  return db.get<{ data_version: number }>('PRAGMA data_version')?.data_version ?? null
}
