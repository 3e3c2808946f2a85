import { WebhookError } from '../../errors.ts'
import type { InsertEventInInput, InsertResult, NewEvent, TxInsertResult } from '../../ports/storage.ts'
import { earlierInsert } from './earlier-insert.ts'
import { assertInTransaction, assertOurFile, hostFailure, prepare, type SqliteTransaction } from './host-handle.ts'
import { insertEventRow, rememberKey } from './insert-event-row.ts'
import { LATEST, storedVersion } from './migrate.ts'
import { IN_MEMORY, type Settings } from './options.ts'
import { Statements } from './statements.ts'
import { addTenant, findTenant } from './tenants.ts'

const SYNCHRONOUS_FULL = 2

/** A handle of the host's that was found right; what it is, it stays. */
interface Host {
  db: Statements
  isDurabilityTold: boolean
}

type InsertEventIn = (tx: SqliteTransaction, input: InsertEventInInput) => TxInsertResult

/** `warn` answers whether there is somebody to hear it. Works before `open` and after `close`, too: no connection of ours is used. */
export function eventInserter({ path, tablePrefix }: Settings, warn: (warning: string) => boolean): InsertEventIn {
  const hosts = new WeakMap<SqliteTransaction, Host>()

  function hostOf(tx: SqliteTransaction): Host {
    const known = hosts.get(tx)
    if (known !== undefined) return known
    assertOurFile(tx, path)
    assertInTransaction(tx)
    const host = { db: new Statements((sql) => prepare(tx, sql), tablePrefix), isDurabilityTold: false }
    assertVersion(host.db, path)
    hosts.set(tx, host)
    return host
  }

  return (tx, input) => {
    if (path === IN_MEMORY) throw unsupported()
    try {
      const host = hostOf(tx)
      assertInTransaction(tx)
      if (!host.isDurabilityTold) host.isDurabilityTold = isDurable(host.db) || warn(durabilityWarning(path))
      return insertWhole(tx, host.db, input)
    } catch (error) {
      throw hostFailure(error, path)
    }
  }
}

/** All of it or nothing, and never the end of the host's transaction: a savepoint within it. */
function insertWhole(tx: SqliteTransaction, db: Statements, input: InsertEventInInput): TxInsertResult {
  db.run('SAVEPOINT hookferry_event')
  try {
    const result = insert(db, input)
    db.run('RELEASE hookferry_event')
    return result
  } catch (error) {
    // After some failures, such as a full disk, SQLite itself has rolled back all.
    if (tx.inTransaction) {
      db.run('ROLLBACK TO hookferry_event')
      db.run('RELEASE hookferry_event')
    }
    throw error
  }
}

function insert(db: Statements, { now, event: item }: InsertEventInInput): TxInsertResult {
  const { event } = item
  const tenant = findTenant(db, event.tenant) ?? addTenant(db, event.tenant)
  const whole: NewEvent = { ...item, endpointsVersion: tenant.version, fanOut: 'background', deliveries: [] }
  const earlier = earlierInsert(db, whole, tenant.key, { now, worker: '' })
  if (earlier !== null) return toldAs(earlier, event.id)
  if (insertEventRow(db, whole, tenant.key) === null) return { status: 'duplicate', eventId: event.id }
  rememberKey(db, whole, tenant.key)
  return { status: 'inserted' }
}

/** A repeat of a generated id is answered as a duplicate: the host's transaction may have been run anew. */
function toldAs(earlier: InsertResult, id: string): TxInsertResult {
  const isOther = earlier.status === 'duplicate' || earlier.status === 'conflict'
  return isOther ? { status: earlier.status, eventId: earlier.eventId } : { status: 'duplicate', eventId: id }
}

/** Once for a handle, as `open` does it: what a later version migrates meanwhile, the one before it can go on with. */
function assertVersion(db: Statements, path: string): void {
  const version = storedVersion(db)
  if (version === LATEST) return
  if (version === 0) {
    throw new WebhookError(
      'storage_unavailable',
      `SQLite file ${path} has no tables of hookferry yet: await sender.health() once at start-up.`,
    )
  }
  const advice = version > LATEST ? 'Upgrade hookferry.' : 'Await sender.health() once at start-up, which migrates it.'
  throw new WebhookError(
    'storage_version',
    `SQLite file ${path}: its schema is of version ${version}, this hookferry knows ${LATEST}. ${advice}`,
  )
}

function isDurable(db: Statements): boolean {
  const row = db.get<{ synchronous: number }>('PRAGMA main.synchronous')
  return (row?.synchronous ?? 0) >= SYNCHRONOUS_FULL
}

function durabilityWarning(path: string): string {
  return `SQLite file ${path}: the handle given to sendIn commits with less than synchronous=FULL, so that a power cut may take its last transactions back, with their events. Run db.pragma('synchronous = FULL') where it is opened.`
}

function unsupported(): WebhookError {
  return new WebhookError(
    'transactions_unsupported',
    'A storage in :memory: takes no part in your transactions: give it a file, or use send() after your commit.',
  )
}
