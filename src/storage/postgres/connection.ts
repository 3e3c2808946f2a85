import { createHash } from 'node:crypto'
import { WebhookError } from '../../errors.ts'
import type { Notice, Parameter, PgClient } from './driver.ts'
import { failureOf } from './failures.ts'
import type { Settings } from './options.ts'
import { TYPES } from './rows.ts'

/** Of the server: for one statement, for one lock, and for a transaction of a process that has stopped. */
const STATEMENT_MS = 10_000
export const LOCK_MS = 5_000
const IDLE_MS = 15_000
/** Ours, beyond that of the server: it may be the network that does not answer. */
const ANSWER_MS = 15_000

/** Each plan goes from row to row by an index, whatever the statistics say of a table that was empty a minute ago. */
const PLANS = ['jit', 'enable_seqscan', 'enable_bitmapscan', 'enable_hashjoin', 'enable_mergejoin']
  .map((name) => `SET LOCAL ${name} = off`)
  .join('; ')

/** Set for each transaction, since connections may be the host's, or a pooler's. */
const LIMITS = `SET LOCAL statement_timeout = ${STATEMENT_MS}; SET LOCAL lock_timeout = ${LOCK_MS};
  SET LOCAL idle_in_transaction_session_timeout = ${IDLE_MS}; ${PLANS}`

const BEGIN = {
  /** What is acknowledged is on disk, also of the standby where a synchronous one is configured. */
  write: `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL synchronous_commit = on; ${LIMITS}`,
  /** One state of the database for all reads. */
  read: `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${LIMITS}`,
}

/** Somebody else has just written what this transaction was about to: it is to be repeated, and will see that. */
export class Overtaken extends Error {}

/** One connection, for one transaction. In its SQL, `{name}` is a table of ours, `{=name}` an index to be made. */
export class Connection {
  readonly #client: PgClient
  readonly #settings: Settings
  /** What the connection itself told while no statement was waiting. */
  #lost: Error | null = null
  #warning: string | null = null

  constructor(client: PgClient, settings: Settings) {
    this.#client = client
    this.#settings = settings
  }

  get settings(): Settings {
    return this.#settings
  }

  /** Returns how many rows were written. */
  async run(sql: string, ...values: readonly Parameter[]): Promise<number> {
    return (await this.#query(sql, values)).rowCount ?? 0
  }

  async get<Row>(sql: string, ...values: readonly Parameter[]): Promise<Row | undefined> {
    return (await this.#query(sql, values)).rows[0] as Row | undefined
  }

  async all<Row>(sql: string, ...values: readonly Parameter[]): Promise<Row[]> {
    return (await this.#query(sql, values)).rows as Row[]
  }

  /** Several statements at once, for migrations. */
  async script(sql: string): Promise<void> {
    await this.#send({ text: this.#named(sql) })
  }

  /** All of `work` or none of it. Gives the connection back, or closes it when its state is not known. */
  transaction<T>(kind: 'read' | 'write', work: (db: Connection) => Promise<T>): Promise<T> {
    return this.#held(async () => {
      await this.#send({ text: BEGIN[kind] })
      const result = await this.#workOrRollBack(work)
      await this.#commit()
      return result
    })
  }

  /** One short statement that needs no transaction; the settings of one do not apply to it. */
  alone<Row>(sql: string, ...values: readonly Parameter[]): Promise<Row | undefined> {
    return this.#held(() => this.get<Row>(sql, ...values))
  }

  async #held<T>(use: () => Promise<T>): Promise<T> {
    const onError = (error: Error) => {
      this.#lost = error
    }
    const onNotice = ({ severity, message }: Notice) => {
      if (severity === 'WARNING') this.#warning = message ?? severity
    }
    // A connection that dies while nobody waits for it would take the process down.
    this.#client.on('error', onError)
    this.#client.on('notice', onNotice)
    let clean = false
    try {
      const result = await use()
      clean = true
      return result
    } catch (error) {
      clean = error instanceof RolledBack
      throw error instanceof RolledBack ? error.reason : error
    } finally {
      this.#client.removeListener('notice', onNotice)
      // A closed one may tell of its end later.
      if (clean) this.#client.removeListener('error', onError)
      this.#client.release(!clean)
    }
  }

  async #workOrRollBack<T>(work: (db: Connection) => Promise<T>): Promise<T> {
    try {
      return await work(this)
    } catch (reason) {
      await this.#send({ text: 'ROLLBACK' }).catch(() => {
        throw reason
      })
      throw new RolledBack(reason)
    }
  }

  async #commit(): Promise<void> {
    this.#warning = null
    await this.#send({ text: 'COMMIT' })
    // Such as a wait for the standby that was given up: written here, but not where it has to be.
    if (this.#warning === null) return
    throw new WebhookError(
      'storage_unavailable',
      `${whereOf(this.#settings)}: the commit is in doubt: ${this.#warning}. Look at its standbys, then call again.`,
      { retryable: true },
    )
  }

  #query(sql: string, values: readonly Parameter[]) {
    const text = this.#named(sql)
    return this.#send({ text, values: [...values], name: nameOf(text), types: TYPES })
  }

  async #send(config: Parameters<PgClient['query']>[0]) {
    const where = whereOf(this.#settings)
    if (this.#lost !== null) throw failureOf(this.#lost, where)
    try {
      return await within(ANSWER_MS, this.#client.query(config), () => {
        // Nothing more is asked of it, not even to roll back: it is closed.
        this.#lost = new Error('no answer came in time')
        return this.#lost
      })
    } catch (error) {
      throw failureOf(error, where)
    }
  }

  #named(sql: string): string {
    const { schema, tablePrefix } = this.#settings
    return sql.replace(/\{(=?)([a-z_]+)\}/g, (_, bare: string, name: string) =>
      bare === '' ? `"${schema}"."${tablePrefix}${name}"` : `"${tablePrefix}${name}"`,
    )
  }
}

class RolledBack extends Error {
  readonly reason: unknown

  constructor(reason: unknown) {
    super('rolled back')
    this.reason = reason
  }
}

/** For messages: never the connection string, which holds a password. */
export function whereOf({ schema, tablePrefix }: Settings): string {
  return `Postgres (tables ${schema}.${tablePrefix}*)`
}

/** Rejects when the promise takes longer; what becomes of it then is the caller's to see to. */
export function within<T>(ms: number, promise: Promise<T>, failure: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(failure()), ms)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

const names = new Map<string, string>()

/** Of a prepared statement: the same text has the same name on each connection, and other users of it have other names. */
function nameOf(text: string): string {
  let name = names.get(text)
  if (name === undefined) {
    name = `hookferry_${createHash('sha1').update(text).digest('hex').slice(0, 24)}`
    names.set(text, name)
  }
  return name
}
