import { createRequire } from 'node:module'
import { errorCode, WebhookError } from '../../errors.ts'

/** What Postgres takes for one parameter; arrays go to `unnest` and `ANY`. */
export type Value = string | number | boolean | null | Uint8Array
export type Parameter = Value | readonly Value[]

/** A statement, as pg takes it. */
export interface QueryConfig {
  /** The SQL, with `$1`, `$2` … for its values. */
  text: string
  /** For `$1`, `$2` …, in their order. */
  values?: unknown[]
  /** Prepares it once on each connection. */
  name?: string
  /** How values are read, by `getTypeParser`, whatever the host has set for its own. */
  types?: { getTypeParser(oid: number, format?: string): (text: never) => unknown }
}

/** What the server tells beside its answer. */
export interface Notice {
  /** Such as `WARNING`. */
  severity?: string | undefined
  /** Its text. */
  message?: string | undefined
}

/** What LISTEN brings. */
export interface Notification {
  /** What NOTIFY was given. */
  payload?: string | undefined
}

/** The part of a client of `pg` that is used, by shape: its types are no dependency of ours. */
export interface PgClient {
  /** Runs one statement; `rows` and `rowCount` as pg has them. */
  query(config: QueryConfig): Promise<{ rows: unknown[]; rowCount: number | null }>
  /** True: the connection is closed instead of kept. */
  release(destroy?: boolean): void
  /** Adds a listener. */
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'notice', listener: (notice: Notice) => void): unknown
  on(event: 'notification', listener: (notification: Notification) => void): unknown
  on(event: 'end', listener: () => void): unknown
  /** Takes a listener away. */
  removeListener(event: 'error', listener: (error: Error) => void): unknown
  removeListener(event: 'notice', listener: (notice: Notice) => void): unknown
  /** From then on its socket does not keep the process alive. */
  unref?(): void
}

export type ListeningClient = Pick<PgClient, 'query' | 'on' | 'unref'>

/** A `Client` of pg outside of any pool. */
export interface OwnClient extends ListeningClient {
  connect(): Promise<unknown>
  end(): Promise<void>
  /** Not of its types, but there: the way to give up a socket that does not answer. */
  readonly connection?: { readonly stream?: { destroy(): unknown } }
}

/** The part of a `Pool` of `pg` that is used: a host may pass its own. */
export interface PgPool {
  /** A client out of the pool, until it is released. */
  connect(): Promise<PgClient>
  /** `max`: how many clients it has. */
  readonly options?: { readonly max?: number | undefined }
  /** It waits for the clients that are out before it is ended. */
  readonly ending?: boolean
}

export interface OwnPool extends PgPool {
  end(): Promise<void>
  on(event: 'error', listener: (error: Error) => void): unknown
}

export interface ClientConfig {
  connectionString: string
  connectionTimeoutMillis: number
  keepAlive: boolean
  application_name: string
}

export interface Driver {
  Pool: new (config: ClientConfig & { max: number }) => OwnPool
  Client: new (config: ClientConfig) => OwnClient
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
