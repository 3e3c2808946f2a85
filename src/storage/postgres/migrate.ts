import { WebhookError } from '../../errors.ts'
import { type Connection, whereOf } from './connection.ts'
import { MIGRATIONS } from './migrations/index.ts'
import type { Settings } from './options.ts'

type Transact = <T>(kind: 'read' | 'write', work: (db: Connection) => Promise<T>) => Promise<T>

const LATEST = MIGRATIONS.length
const TABLES = ['tenant', 'line', 'endpoint', 'lane', 'event', 'idempotency', 'delivery', 'attempt', 'replay']

/** Brings the schema to this library's version. Any number of nodes may do so at the same moment. */
export async function migrate(transact: Transact, settings: Settings): Promise<number> {
  // Looked at first without the lock, so that opening what is up to date waits for nobody and needs no right to create.
  const stored = await transact('read', storedVersion)
  if (stored !== LATEST) await transact('write', (db) => bringUp(db, settings))
  await transact('write', (db) => assertUsable(db, settings))
  return LATEST
}

async function bringUp(db: Connection, settings: Settings): Promise<void> {
  const { schema, tablePrefix } = settings
  // Held until the transaction ends: of ten nodes one migrates, and nine find it done.
  await db.run('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', `hookferry ${schema}.${tablePrefix}`)
  const version = await storedVersion(db)
  if (version > LATEST) {
    throw new WebhookError(
      'storage_version',
      `${whereOf(settings)}: the schema is of version ${version}, this hookferry knows ${LATEST}. Upgrade hookferry.`,
    )
  }
  if (version === LATEST) return
  if (version === 0) {
    // Asked first: even IF NOT EXISTS takes the right to create schemas.
    const found = await db.get('SELECT 1 FROM pg_namespace WHERE nspname = $1', schema)
    if (found === undefined) await db.script(`CREATE SCHEMA "${schema}"`)
    await db.script('CREATE TABLE {meta} (name text PRIMARY KEY, value bigint NOT NULL)')
  }
  for (const migration of MIGRATIONS.slice(version)) await db.script(migration.sql)
  await db.run(
    `INSERT INTO {meta} (name, value) VALUES ('version', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
    LATEST,
  )
}

/** 0: there is no schema of ours yet. */
async function storedVersion(db: Connection): Promise<number> {
  const { schema, tablePrefix } = db.settings
  const table = await db.get(
    'SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2',
    schema,
    `${tablePrefix}meta`,
  )
  if (table === undefined) return 0
  const row = await db.get<{ value: number }>(`SELECT value FROM {meta} WHERE name = 'version'`)
  return row?.value ?? 0
}

/** Tells now what would otherwise come out in the middle of the work. */
async function assertUsable(db: Connection, settings: Settings): Promise<void> {
  const durability = await db.get<{ synchronous_commit: string }>('SHOW synchronous_commit')
  if (durability?.synchronous_commit !== 'on') {
    throw new WebhookError(
      'storage_unavailable',
      `${whereOf(settings)}: synchronous_commit=on was refused: what is acknowledged could be lost. Use a stock server.`,
    )
  }
  const missing = await db.all<{ name: string; privilege: string }>(
    `SELECT name, privilege FROM unnest($1::text[]) AS name,
      unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege
    WHERE NOT has_table_privilege(format('%I.%I', $2::text, $3::text || name), privilege)`,
    TABLES,
    settings.schema,
    settings.tablePrefix,
  )
  if (missing.length === 0) return
  const rights = missing.map(({ name, privilege }) => `${privilege} on ${settings.tablePrefix}${name}`)
  throw new WebhookError(
    'storage_read_only',
    `${whereOf(settings)}: the user lacks rights: ${rights.slice(0, 4).join(', ')}. Grant them, see docs/adapters/postgres.md.`,
  )
}
