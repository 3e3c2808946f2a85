import { createRequire } from 'node:module'
import { errorCode, WebhookError } from '../../errors.ts'

/** What Postgres takes for one parameter; arrays go to `unnest` and `ANY`. */
export type Value = string | number | boolean | null | Uint8Array
export type Parameter = Value | readonly Value[]

export interface QueryConfig {
  text: string
  values?: unknown[]
  /** Prepares it once on each connection. */
  name?: string
  types?: { getTypeParser(oid: number, format?: string): (text: never) => unknown }
}

export interface Notice {
  severity?: string | undefined
  message?: string | undefined
}

/** The part of a client of `pg` that is used, by shape: its types are no dependency of ours. */
export interface PgClient {
  query(config: QueryConfig): Promise<{ rows: unknown[]; rowCount: number | null }>
  /** True: the connection is closed instead of kept. */
  release(destroy?: boolean): void
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'notice', listener: (notice: Notice) => void): unknown
  removeListener(event: 'error', listener: (error: Error) => void): unknown
  removeListener(event: 'notice', listener: (notice: Notice) => void): unknown
}

/** The part of a `Pool` of `pg` that is used: a host may pass its own. */
export interface PgPool {
  connect(): Promise<PgClient>
}

export interface OwnPool extends PgPool {
  end(): Promise<void>
  on(event: 'error', listener: (error: Error) => void): unknown
}

export interface PoolConfig {
  connectionString: string
  max: number
  connectionTimeoutMillis: number
  keepAlive: boolean
  application_name: string
}

export interface Driver {
  Pool: new (config: PoolConfig) => OwnPool
}

type Require = (name: string) => unknown

/** Loads pg when it is first needed, so that a host without it can import everything else. */
export function loadDriver(load: Require = requireFromHere()): Driver {
  try {
    return load('pg') as Driver
  } catch (cause) {
    const missing = errorCode(cause) === 'MODULE_NOT_FOUND'
    throw new WebhookError(
      missing ? 'driver_missing' : 'driver_unsupported',
      missing
        ? 'The postgres storage needs pg, which is not installed. Run: npm install pg@8'
        : 'pg is installed but does not load. Run: npm install pg@8',
      { cause },
    )
  }
}

function requireFromHere(): Require {
  // The CJS build has no import.meta.url, the ESM build no __filename of its own.
  return createRequire(import.meta.url ?? __filename)
}
