import { WebhookError } from '../../errors.ts'
import { Connection } from './connection.ts'
import { loadDriver } from './driver.ts'
import { migrate } from './migrate.ts'
import type { Settings } from './options.ts'

type Operation<Input, Output> = (db: Connection, input: Input) => Output
type Method<Input, Output> = (input: Input) => Promise<Output>

interface Session {
  open(): Promise<{ version: number }>
  close(): Promise<void>
  /** Makes an operation a method of the storage. Async, so that nothing throws before there is a promise. */
  reading<Input, Output>(operation: Operation<Input, Output>): Method<Input, Output>
  writing<Input, Output>(operation: Operation<Input, Output>): Method<Input, Output>
}

/** The one connection of a storage, from `open` to `close`. */
export function createSession(settings: Settings): Session {
  let connection: Connection | null = null

  function opened(): Connection {
    if (connection !== null) return connection
    throw new WebhookError('storage_unavailable', `SQLite file ${settings.path} is not open: call open() first.`)
  }

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
      connection?.close()
      connection = null
    },
    reading: (operation) => async (input) => {
      const db = opened()
      return db.read(() => operation(db, input))
    },
    writing: (operation) => async (input) => {
      const db = opened()
      return db.write(() => operation(db, input))
    },
  }
}
