import { WebhookError } from '../../errors.ts'
import type { Connection } from './connection.ts'
import { MIGRATIONS } from './migrations/index.ts'
import type { Statements } from './statements.ts'

export const LATEST = MIGRATIONS.length

/** Brings the schema to this library's version. Its number is kept in a table of ours: the file may be shared. */
export function migrate(db: Connection): number {
  // Looked at first without the lock, so that opening an up-to-date file waits for nobody.
  if (db.read(() => storedVersion(db)) === LATEST) return LATEST
  db.write(() => {
    const version = storedVersion(db)
    if (version > LATEST) {
      throw new WebhookError(
        'storage_version',
        `SQLite file ${db.path}: its schema is of version ${version}, this hookferry knows ${LATEST}. Upgrade hookferry.`,
      )
    }
    if (version === 0) db.script('CREATE TABLE {meta} (name TEXT PRIMARY KEY, value INTEGER NOT NULL)')
    for (const migration of MIGRATIONS.slice(version)) db.script(migration.sql)
    db.run(`INSERT OR REPLACE INTO {meta} (name, value) VALUES ('version', ?)`, LATEST)
  })
  return LATEST
}

/** 0: there are no tables of ours in the file. What may be attached to the connection does not count. */
export function storedVersion(db: Statements): number {
  // A statement that was prepared before another connection made the tables is prepared anew by SQLite.
  if (db.all(`PRAGMA main.table_info({meta})`).length === 0) return 0
  return db.get<{ value: number }>(`SELECT value FROM {meta} WHERE name = 'version'`)?.value ?? 0
}
