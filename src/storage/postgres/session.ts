import { WebhookError } from '../../errors.ts'
import { Connection, Overtaken, whereOf, within } from './connection.ts'
import { loadDriver, type OwnPool, type Parameter, type PgClient, type PgPool } from './driver.ts'
import { failureOf } from './failures.ts'
import { migrate } from './migrate.ts'
import type { Settings } from './options.ts'
import { durabilityWarnings } from './replication.ts'

/** For a connection: of our own pool to the server, of the host's pool in its queue. */
export const CONNECT_MS = 10_000
const CONNECTIONS_MAX = 10
/** How each connection of our own is made. */
export const CONNECTION = { connectionTimeoutMillis: CONNECT_MS, keepAlive: true, application_name: 'hookferry' }
/** Each repeat sees what it was overtaken by, so that more than a few mean that something is wrong. */
const REPEATS_MAX = 10

type Operation<Input, Output> = (db: Connection, input: Input) => Promise<Output>
type Method<Input, Output> = (input: Input) => Promise<Output>

export interface OpenInput {
  warn?: (warning: string) => void
}

interface Session {
  open(input: OpenInput): Promise<{ version: number }>
  close(): Promise<void>
  /** One short statement, without a transaction. */
  ask<Row>(sql: string, ...values: Parameter[]): Promise<Row | undefined>
  /** Makes an operation a method of the storage. */
  reading<Input, Output>(operation: Operation<Input, Output>): Method<Input, Output>
  writing<Input, Output>(operation: Operation<Input, Output>): Method<Input, Output>
}

/** The pool of a storage, from `open` to `close`. Each operation takes one connection, so that a pool of one is enough. */
export function createSession(settings: Settings): Session {
  let pool: PgPool | null = null
  let ours: OwnPool | null = null
  const running = new Set<Promise<unknown>>()

  function opened(): PgPool {
    if (pool !== null) return pool
    throw new WebhookError('storage_unavailable', `${whereOf(settings)}: not open: call open() first.`)
  }

  function tracked<T>(promise: Promise<T>): Promise<T> {
    running.add(promise)
    const forget = () => running.delete(promise)
    promise.then(forget, forget)
    return promise
  }

  async function close(): Promise<void> {
    pool = null
    await Promise.allSettled(running)
    const ended = ours
    ours = null
    await ended?.end()
  }

  return {
    async open({ warn }) {
      ours ??= settings.pool === null ? poolOf(settings) : null
      const target = settings.pool ?? ours
      if (target === null) throw new Error('there is no pool')
      try {
        const version = await migrate((kind, work) => transact(target, settings, kind, work), settings)
        if (warn !== undefined) await tellWarnings(target, settings, warn)
        pool = target
        return { version }
      } catch (error) {
        // Nothing is kept of a failed attempt, so that it can be repeated.
        await close()
        throw error
      }
    },
    close,
    ask: async (sql, ...values) => {
      const from = opened()
      return tracked(connect(from, settings).then((client) => new Connection(client, settings).alone(sql, ...values)))
    },
    reading: (operation) => async (input) => {
      const from = opened()
      return tracked(transact(from, settings, 'read', (db) => operation(db, input)))
    },
    writing: (operation) => async (input) => {
      const from = opened()
      return tracked(repeating(() => transact(from, settings, 'write', (db) => operation(db, input))))
    },
  }
}

function poolOf({ connectionString }: Settings): OwnPool {
  const { Pool } = loadDriver()
  const pool = new Pool({ connectionString, max: CONNECTIONS_MAX, ...CONNECTION })
  // An idle connection that is lost is replaced when one is needed.
  pool.on('error', () => {})
  return pool
}

/** Some servers show little of themselves, or not to this user: that is no reason not to work with them. */
async function tellWarnings(pool: PgPool, settings: Settings, warn: (warning: string) => void): Promise<void> {
  const warnings = await transact(pool, settings, 'read', durabilityWarnings).catch(() => [])
  for (const warning of warnings) warn(`${whereOf(settings)}: ${warning}`)
}

async function repeating<T>(call: () => Promise<T>): Promise<T> {
  for (let left = REPEATS_MAX; ; left--) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof Overtaken)) throw error
      if (left === 0) throw new WebhookError('storage_busy', `${error.message}: call again.`, { retryable: true })
    }
  }
}

async function transact<T>(
  pool: PgPool,
  settings: Settings,
  kind: 'read' | 'write',
  work: (db: Connection) => Promise<T>,
): Promise<T> {
  return new Connection(await connect(pool, settings), settings).transaction(kind, work)
}

/** A client of the pool, to be released. */
export async function connect(pool: PgPool, settings: Settings): Promise<PgClient> {
  let late = false
  const promise = new Promise<PgClient>((resolve, reject) => {
    pool.connect().then((client) => (late ? client.release() : resolve(client)), reject)
  })
  const where = whereOf(settings)
  const none = `${where}: no connection came within ${CONNECT_MS} ms. See that the server answers and the pool has room.`
  try {
    return await within(CONNECT_MS, promise, () => new WebhookError('storage_busy', none, { retryable: true }))
  } catch (error) {
    late = true
    throw failureOf(error, where)
  }
}
