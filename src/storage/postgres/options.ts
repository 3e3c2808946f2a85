import { ArgumentError } from '../../errors.ts'
import type { PgPool } from './driver.ts'

/** What `postgres` calls its tables. */
export interface PostgresNames {
  /** Where the tables are; it is made when missing. Default `public`. */
  schema?: string
  /** Begins the name of each table and index, so that the schema may hold the host's own tables too. Default `hookferry_`. */
  tablePrefix?: string
}

/** What `postgres` takes: a `pool` or a `connectionString`, and names. */
export type PostgresOptions = PostgresNames &
  (
    | {
        /** A `Pool` of pg that stays the host's: it is never ended here. */
        pool: PgPool
        connectionString?: never
      }
    | {
        /**
         * Such as `postgres://user:password@host:5432/database`: a pool of 10 connections is made for it. Takes a variable of the
         * environment as it is; one that is not set is refused with `argument_missing`.
         */
        connectionString: string | undefined
        pool?: never
      }
  )

export interface Settings {
  /** Null: one of our own, made from `connectionString`. */
  pool: PgPool | null
  connectionString: string
  schema: string
  tablePrefix: string
}

const FORM = 'postgres://user:password@host:port/database'
const DEFAULT_SCHEMA = 'public'
const DEFAULT_PREFIX = 'hookferry_'
/** Lower case, so that nobody has to quote them; Postgres keeps 63 bytes of a name, of which ours need 28 at most. */
const SCHEMA_PATTERN = /^(?!pg_)[a-z_][a-z0-9_]{0,62}$/
const PREFIX_PATTERN = /^(?!pg_)[a-z_][a-z0-9_]{0,31}$/

export function settingsOf(options: PostgresOptions): Settings {
  if (typeof options !== 'object' || options === null) {
    throw new ArgumentError('argument_type', 'postgres', 'give { pool } or { connectionString }')
  }
  const { pool, connectionString, schema = DEFAULT_SCHEMA, tablePrefix = DEFAULT_PREFIX, ...unknown } = options
  const [extra] = Object.keys(unknown)
  if (extra !== undefined) throw new ArgumentError('argument_unknown', `postgres.${extra}`, 'there is no such option')
  if (pool === undefined && connectionString === undefined) {
    const message = `is undefined: give ${FORM}, or a pool; taken from the environment, it is not set there`
    throw new ArgumentError('argument_missing', 'postgres.connectionString', message)
  }
  if (pool !== undefined && connectionString !== undefined) {
    throw new ArgumentError('argument_invalid', 'postgres.pool', 'and connectionString exclude each other')
  }
  if (pool !== undefined && typeof pool?.connect !== 'function') {
    throw new ArgumentError('argument_type', 'postgres.pool', 'give a Pool of pg')
  }
  if (connectionString !== undefined && !isConnectionString(connectionString)) {
    throw new ArgumentError('argument_invalid', 'postgres.connectionString', `must be ${FORM}`)
  }
  assertName('postgres.schema', schema, SCHEMA_PATTERN, 63)
  assertName('postgres.tablePrefix', tablePrefix, PREFIX_PATTERN, 32)
  return { pool: pool ?? null, connectionString: connectionString ?? '', schema, tablePrefix }
}

function isConnectionString(text: unknown): boolean {
  return typeof text === 'string' && /^(postgres|postgresql|socket):/.test(text)
}

function assertName(path: string, name: unknown, pattern: RegExp, max: number): void {
  if (typeof name === 'string' && pattern.test(name)) return
  throw new ArgumentError(
    'argument_invalid',
    path,
    `begin with a letter or _, then lower-case letters, digits and _, ${max} characters at most, not pg_`,
  )
}
