import { realpathSync } from 'node:fs'
import { ArgumentError, errorCode, WebhookError } from '../../errors.ts'
import type { Statement } from './driver.ts'
import { failureOf } from './failures.ts'

/** A statement on the host's own handle. */
export interface HostStatement extends Statement {
  /** Whether integers come as bigints. */
  safeIntegers(on: boolean): unknown
}

/**
 * The host's own better-sqlite3 handle (`Database`) on the storage's file, with a transaction begun on it. By shape: its types are no
 * dependency of ours.
 */
export interface SqliteTransaction {
  /** The path of its file. */
  readonly name: string
  /** False once it was closed: it is refused then. */
  readonly open: boolean
  /** Must be true. */
  readonly inTransaction: boolean
  /** A database in memory is nobody else's: it is refused. */
  readonly memory: boolean
  /** Must be false. */
  readonly readonly: boolean
  /** Makes a statement on it. */
  prepare(sql: string): HostStatement
  /** Asks for a setting of it. */
  pragma(text: string): unknown
}

const PATH = 'sendIn.tx'

const REMEDY =
  'give the better-sqlite3 handle (Database) on which your transaction was begun, on the same file as the storage'

/** Throws unless `tx` is a handle of the right kind, on the right file. */
export function assertOurFile(tx: SqliteTransaction, path: string): void {
  if (!isHandle(tx))
    throw new ArgumentError(typeof tx === 'object' ? 'argument_invalid' : 'argument_type', PATH, REMEDY)
  if (!tx.open) throw new ArgumentError('argument_invalid', PATH, `this handle is closed: ${REMEDY}`)
  const ours = realPathOf(path)
  const files = prepare(tx, 'PRAGMA database_list').all() as { name: string; file: string }[]
  // What stands under a hard link is another file to SQLite: its write-ahead log is named by the path.
  const schemas = files.filter(({ file }) => ours !== null && realPathOf(file) === ours).map(({ name }) => name)
  if (!schemas.includes('main')) throw wrongFile(tx.name, path, schemas[0])
  if (tx.readonly) {
    const advice = 'Open one that may write.'
    throw new WebhookError(
      'storage_read_only',
      `SQLite file ${path}: the handle given to sendIn is read-only. ${advice}`,
    )
  }
}

export function assertInTransaction(tx: SqliteTransaction): void {
  if (tx.inTransaction) return
  throw new WebhookError(
    'not_in_transaction',
    'No transaction is open on the handle given to sendIn: call it within db.transaction(() => { … }).immediate(), or use send().',
  )
}

/** Whatever the host chose as default for its statements: ours read numbers. */
export function prepare(tx: SqliteTransaction, sql: string): Statement {
  const statement = tx.prepare(sql)
  statement.safeIntegers(false)
  return statement
}

/** What the host's handle threw, with what the host can do about it. */
export function hostFailure(error: unknown, path: string): unknown {
  const code = errorCode(error)
  if (code?.startsWith('SQLITE_BUSY')) {
    const advice =
      'begin yours with BEGIN IMMEDIATE (db.transaction(…).immediate()), and run it again from its beginning'
    return new WebhookError(
      'storage_busy',
      `SQLite file ${path}: another transaction writes to it: ${advice}. (${code})`,
      {
        cause: error,
        retryable: true,
      },
    )
  }
  // Of the driver's: no statement may write while another one of the handle is being read.
  if (error instanceof TypeError && error.message.includes('busy executing')) {
    return new ArgumentError(
      'argument_invalid',
      PATH,
      'an iterate() on this handle is under way: read with all() instead',
    )
  }
  return failureOf(error, path)
}

function isHandle(tx: unknown): tx is SqliteTransaction {
  if (typeof tx !== 'object' || tx === null) return false
  const { name, open, inTransaction, prepare, pragma } = tx as Partial<SqliteTransaction>
  return (
    typeof name === 'string' &&
    typeof open === 'boolean' &&
    typeof inTransaction === 'boolean' &&
    typeof prepare === 'function' &&
    typeof pragma === 'function'
  )
}

function wrongFile(name: string, path: string, attachedAs: string | undefined): ArgumentError {
  const message =
    attachedAs === undefined
      ? `this handle is on ${name === '' ? 'a temporary file' : name}, the storage is on ${path}: ${REMEDY}`
      : `${path} is attached to this handle, as ${attachedAs}: a crash could keep one file's half of the commit and lose the other's. Open it as the handle's main file, and keep your tables in it`
  return new ArgumentError('argument_invalid', PATH, message)
}

/** Null: there is no such file. */
function realPathOf(path: string): string | null {
  try {
    return path === '' ? null : realpathSync.native(path)
  } catch {
    return null
  }
}
