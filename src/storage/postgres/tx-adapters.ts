import { WebhookError } from '../../errors.ts'
import { isFunction, knownStatus, refuse, shapeOf } from './tx-shapes.ts'

/**
 * A transaction of the host's: a `Client` or `PoolClient` of pg that ran BEGIN is one as it stands. For other libraries there are
 * functions that make one of theirs: `kyselyTx`, `drizzleTx`, `prismaTx`, `postgresJsTx`.
 */
export interface PostgresTransaction {
  /** Runs one statement within the transaction; `rows` are its rows. */
  query(text: string, values: unknown[]): Promise<{ rows: unknown[] }>
  /** As pg has it: `T` inside, `E` after a failed statement, `I` outside. Left out: the server is asked. */
  getTransactionStatus?(): string | null | undefined
}

/** What is used of each library, by shape: none of them is a dependency. */
export interface KyselyTransaction {
  /** False for the database itself, which is refused. */
  readonly isTransaction: boolean
  /** Runs a compiled query; `rows` are its rows. */
  // biome-ignore lint/suspicious/noExplicitAny: its query is a type of its own
  executeQuery(query: any): Promise<{ rows: unknown[] }>
}

/** What `drizzleTx` takes, by shape. */
export interface DrizzleTransaction {
  /** Runs a statement. */
  // biome-ignore lint/suspicious/noExplicitAny: its query is a type of its own
  execute(query: any): PromiseLike<unknown>
  /** Only a transaction has it; it is never called here. */
  rollback(): never
}

/** What `prismaTx` takes, by shape. */
export interface PrismaTransaction {
  /** Runs a statement with parameters; nothing of a caller's goes into its text. */
  $queryRawUnsafe(text: string, ...values: unknown[]): PromiseLike<unknown>
}

/** What `postgresJsTx` takes, by shape. */
export interface PostgresJsTransaction {
  /** Runs a statement with parameters; nothing of a caller's goes into its text. */
  // biome-ignore lint/suspicious/noExplicitAny: its parameters are a type of their own
  unsafe(text: string, values?: any[]): PromiseLike<readonly unknown[]>
}

/** The `trx` of `db.transaction().execute(async (trx) => …)`, or of `startTransaction()`. */
export function kyselyTx(trx: KyselyTransaction): PostgresTransaction {
  if (shapeOf(trx) !== 'kysely') refuse(trx, 'kyselyTx takes the trx of db.transaction().execute(…)')
  if (!trx.isTransaction) throw outside('kyselyTx was given db: give it the trx that the callback got.')
  const { withoutPlugins } = trx as { withoutPlugins?: () => KyselyTransaction }
  // A plugin might change the rows that come back.
  const bare = withoutPlugins === undefined ? trx : withoutPlugins.call(trx)
  return {
    query: (sql, parameters) => {
      const node = { kind: 'RawNode', sqlFragments: [sql], parameters: [] }
      return bare.executeQuery({ sql, parameters, query: node, queryId: { queryId: 'hookferry' } })
    },
  }
}

/** The `tx` of `db.transaction(async (tx) => …)`, over pg or postgres.js. */
export function drizzleTx(tx: DrizzleTransaction): PostgresTransaction {
  if (shapeOf(tx) !== 'drizzle') refuse(tx, 'drizzleTx takes the tx of db.transaction(async (tx) => …)')
  if (!isFunction(tx, 'rollback')) throw outside('drizzleTx was given db: give it the tx that the callback got.')
  const { client } = ((tx as { session?: unknown }).session ?? {}) as { client?: unknown }
  const transaction: PostgresTransaction = {
    async query(sql, params) {
      const statement = { getSQL: () => statement, toQuery: () => ({ sql, params }) }
      return rowsOf(await tx.execute(statement))
    },
  }
  // Where it is over pg, that knows without being asked.
  if (isFunction(client, 'getTransactionStatus')) {
    transaction.getTransactionStatus = () => knownStatus(client as PostgresTransaction)
  }
  return transaction
}

/** The `tx` of `prisma.$transaction(async (tx) => …)`. */
export function prismaTx(tx: PrismaTransaction): PostgresTransaction {
  if (shapeOf(tx) !== 'prisma') refuse(tx, 'prismaTx takes the tx of prisma.$transaction(async (tx) => …)')
  if (isFunction(tx, '$connect')) throw outside('prismaTx was given the client: give it the tx that the callback got.')
  return {
    query: async (text, values) => rowsOf(await tx.$queryRawUnsafe(text, ...values)),
    // It refuses by itself once the transaction is over.
    getTransactionStatus: () => 'T',
  }
}

/** The `sql` of `sql.begin(async (sql) => …)`, or a reserved one after BEGIN, of the package `postgres`. */
export function postgresJsTx(sql: PostgresJsTransaction): PostgresTransaction {
  if (shapeOf(sql) !== 'postgres-js') refuse(sql, 'postgresJsTx takes the sql of sql.begin(async (sql) => …)')
  if (isFunction(sql, 'begin') && !isFunction(sql, 'savepoint')) {
    throw outside('postgresJsTx was given the pool: give it the sql that the callback of begin got.')
  }
  return { query: async (text, values) => rowsOf(await sql.unsafe(text, values)) }
}

function rowsOf(result: unknown): { rows: unknown[] } {
  return Array.isArray(result) ? { rows: result } : (result as { rows: unknown[] })
}

function outside(message: string): WebhookError {
  return new WebhookError('not_in_transaction', `sendIn: ${message}`)
}
