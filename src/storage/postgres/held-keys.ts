import { errorCode } from '../../errors.ts'
import type { InsertEventsInput, InsertResult, NewEvent } from '../../ports/storage.ts'
import { type Connection, LOCK_MS } from './connection.ts'

/**
 * A transaction of the host's may hold a key or id for as long as it is open, and an insert of the same waits for its end. The other
 * events of a batch are not to wait with it.
 */

/** As long as a commit takes, and the queue before it: what holds a key for longer is no insert of ours. */
const HELD_MS = 100

const LOCK_NOT_AVAILABLE = '55P03'

/** Some key or id of the batch is held; which, is not known. */
class KeysHeld extends Error {}

type Insert = (input: InsertEventsInput) => Promise<InsertResult[]>

const mayBeHeld = ({ idGiven, event }: Pick<NewEvent, 'idGiven' | 'event'>) => idGiven || event.idempotencyKey !== null

/** Writes rows whose keys or ids may be held. */
export async function whileHeldBriefly<T>(db: Connection, items: NewEvent[], write: () => Promise<T>): Promise<T> {
  if (!items.some(mayBeHeld)) return write()
  await db.script(`SET LOCAL lock_timeout = ${HELD_MS}`)
  const result = await write().catch((error: Error) => {
    if (errorCode(error.cause) === LOCK_NOT_AVAILABLE)
      throw new KeysHeld('a transaction that is open holds a key', { cause: error })
    throw error
  })
  await db.script(`SET LOCAL lock_timeout = ${LOCK_MS}`)
  return result
}

/** Where something is held, all events with a key or id of their own are answered with `key_waits`, and the others written. */
export function withoutHeldKeys(insert: Insert): Insert {
  return async (input) => {
    try {
      return await insert(input)
    } catch (error) {
      if (!(error instanceof KeysHeld)) throw error
    }
    const events = input.events.filter((event) => !mayBeHeld(event))
    const written = events.length === 0 ? [] : await insert({ ...input, events })
    const results = written.values()
    return input.events.map((event): InsertResult => {
      const result = mayBeHeld(event) ? undefined : results.next().value
      return result ?? { status: 'key_waits' }
    })
  }
}
