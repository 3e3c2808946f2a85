import { randomUUID } from 'node:crypto'
import { errorCode, messageOf, WebhookError } from '../../errors.ts'
import type { InsertEventInInput, TxInsertResult } from '../../ports/storage.ts'
import { whereOf } from './connection.ts'
import { failureInHost } from './failures-in-host.ts'
import { type HostQuery, insertEventIn } from './insert-event-in.ts'
import type { Settings } from './options.ts'
import type { PostgresTransaction } from './tx-adapters.ts'
import { knownStatus, refuse, shapeOf } from './tx-shapes.ts'

/**
 * Ends with the transaction, or at once outside of one: the event is written only where it is still there. So a sendIn that
 * nobody awaited, and that comes after COMMIT, does not become a transaction of its own. Added to those of other sendIn that are
 * under way in the same transaction.
 */
const MARK = `SELECT set_config('hookferry.tx',
  right(coalesce(current_setting('hookferry.tx', true), '') || ' ' || $1::text, 4000), true) AS mark`

/** One statement where the handle itself knows that it is in a transaction; otherwise one more, before. */
export async function insertInTransaction(
  settings: Settings,
  tx: PostgresTransaction,
  input: InsertEventInInput,
): Promise<TxInsertResult> {
  const where = whereOf(settings)
  if (shapeOf(tx) !== 'pg') refuse(tx)
  const status = knownStatus(tx)
  if (status === 'E') throw aborted(where)
  if (status !== 'T' && status !== undefined) throw outside(where)
  const query: HostQuery = async (text, values) => {
    try {
      return { rows: (await tx.query(text, values)).rows.map(named) }
    } catch (error) {
      throw isOver(error) ? outside(where, error) : lost(failureInHost(error, where), where)
    }
  }
  if (status === 'T') return insertEventIn(query, settings, input)
  const mark = randomUUID()
  await query(MARK, [mark])
  const result = await insertEventIn(query, settings, input, mark)
  if (result === null) throw outside(where)
  return result
}

/** By the names of our columns, lower-case words: the host's library may have been told to write all names in another way. */
function named(row: unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row as object).map(([name, value]) => [name.toLowerCase(), value]))
}

/** As Prisma and kysely tell it. */
function isOver(error: unknown): boolean {
  return errorCode(error) === 'P2028' || /^Transaction is already /.test(messageOf(error))
}

/** What the server did not tell the driver did, which has no connection any more; a mistake in the code stays one. */
function lost(error: unknown, where: string): unknown {
  if (error instanceof WebhookError || error instanceof TypeError || error instanceof ReferenceError) return error
  const told = `the connection of the transaction was lost: run it again on another. (${messageOf(error)})`
  return new WebhookError('storage_unavailable', `${where}: ${told}`, { cause: error, retryable: true })
}

function outside(where: string, cause?: unknown): WebhookError {
  const remedy = 'call sendIn after BEGIN has been awaited, on the same client, and await it before COMMIT.'
  return new WebhookError('not_in_transaction', `${where}: that is not in a transaction: ${remedy}`, { cause })
}

function aborted(where: string): WebhookError {
  const told = 'A statement of the transaction failed before: roll back, then run it again.'
  return new WebhookError('transaction_aborted', `${where}: ${told}`)
}
