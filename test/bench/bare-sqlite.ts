import Database from 'better-sqlite3'
import { BODY } from './loop.ts'

/** What SQLite does without any of our code, on this machine now, at synchronous=FULL. */

/** As many as one commit of ours takes at most. */
const GROUP = 128

/**
 * The rows of the first accepted event of a file, again and again into the same tables, with all their indexes, in grouped
 * transactions. Events a second.
 */
export function bareInserts(path: string, count: number): number {
  const db = open(path)
  const insertEvent = copying(db, 'event', ['id', 'created_at'])
  const insertDelivery = copying(db, 'delivery', ['event_key', 'created_at'])
  const group = db.transaction((first: number) => {
    const now = Date.now()
    for (let n = first; n < first + GROUP; n++) {
      const key = insertEvent([`evt_bare${String(n).padStart(22, '0')}`, now])
      insertDelivery([key, now])
    }
  })
  const groups = Math.ceil(count / GROUP)
  const began = performance.now()
  for (let n = 0; n < groups; n++) group.immediate(n * GROUP)
  const seconds = (performance.now() - began) / 1_000
  db.close()
  return (groups * GROUP) / seconds
}

/** Inserts the table's first row once more, but for its key and the columns that are given. Returns the new key. */
function copying(db: Database.Database, table: string, given: readonly string[]) {
  const { key: _, ...pattern } = db.prepare(`SELECT * FROM hookferry_${table} LIMIT 1`).get() as Record<string, unknown>
  const names = [...given, ...Object.keys(pattern).filter((name) => !given.includes(name))]
  const rest = names.slice(given.length).map((name) => pattern[name])
  const insert = db.prepare(`INSERT INTO hookferry_${table} (${names}) VALUES (${names.map(() => '?')})`)
  return (values: unknown[]) => insert.run(...values, ...rest).lastInsertRowid
}

/** One row of an event's size and a commit, one after the other: what the disk takes. Milliseconds each. */
export function bareCommits(path: string, count: number): number[] {
  const { commit, close } = bareCommitter(path)
  const took = Array.from({ length: count }, () => {
    const began = performance.now()
    commit()
    return performance.now() - began
  })
  close()
  return took
}

/** Writes one row of an event's size and commits it, by each call. */
export function bareCommitter(path: string): { commit: () => void; close: () => void } {
  const db = open(path)
  db.exec('CREATE TABLE bare (body BLOB)')
  const insert = db.prepare('INSERT INTO bare VALUES (?)')
  const body = Buffer.from(BODY)
  return { commit: () => void insert.run(body), close: () => void db.close() }
}

function open(path: string): Database.Database {
  const db = new Database(path)
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  return db
}
