import { WebhookError } from '../../errors.ts'
import { Connection } from './connection.ts'
import { loadDriver } from './driver.ts'
import { migrate } from './migrate.ts'
import type { Settings } from './options.ts'
import { pollVersion } from './poll-version.ts'

type Operation<Input, Output> = (db: Connection, input: Input) => Output
type Method<Input, Output> = (input: Input) => Promise<Output>

interface Session {
  open(input: { warn?: (warning: string) => void }): Promise<{ version: number }>
  close(): Promise<void>
  /** Makes an operation a method of the storage. Async, so that nothing throws before there is a promise. */
  reading<Input, Output>(operation: Operation<Input, Output>): Method<Input, Output>
  writing<Input, Output>(operation: Operation<Input, Output>): Method<Input, Output>
  /** Calls `listener` when another connection has written, until it is told to end or the session closes. */
  onWork(listener: () => void): () => void
  /** Tells whoever opened it. False: nobody listens. */
  warn(warning: string): boolean
}

/** The one connection of a storage, from `open` to `close`. */
export function createSession(settings: Settings): Session {
  let connection: Connection | null = null
  let tell: ((warning: string) => void) | undefined
  const ends = new Set<() => void>()

  function opened(): Connection {
    if (connection !== null) return connection
    throw new WebhookError('storage_unavailable', `SQLite file ${settings.path} is not open: call open() first.`)
  }

  return {
    async open({ warn }) {
      const db = connection ?? Connection.open(loadDriver(), settings)
      try {
        const version = migrate(db)
        connection = db
        tell = warn
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
      tell = undefined
    },
    reading: (operation) => async (input) => {
      const db = opened()
      return db.read(() => operation(db, input))
    },
    writing: (operation) => async (input) => {
      const db = opened()
      return db.write(() => operation(db, input))
    },
    onWork(listener) {
      const end = pollVersion(() => (connection === null ? null : versionOf(connection)), listener)
      ends.add(end)
      return () => {
        end()
        ends.delete(end)
      }
    },
    warn(warning) {
      tell?.(warning)
      return tell !== undefined
    },
  }
}

/** Another number after each commit of another connection, in this process or elsewhere; our own leave it. */
function versionOf(db: Connection): number | null {
  return db.get<{ data_version: number }>('PRAGMA data_version')?.data_version ?? null
}
