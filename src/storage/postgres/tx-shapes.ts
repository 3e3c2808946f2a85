import { ArgumentError } from '../../errors.ts'

type Shape = 'pool' | 'pg' | 'kysely' | 'drizzle' | 'prisma' | 'postgres-js' | 'better-sqlite3' | 'unknown'

/** Each by what it alone has; the first that fits counts. */
const SHAPES: readonly (readonly [Shape, (given: object) => boolean])[] = [
  ['postgres-js', (given) => typeof given === 'function' && isFunction(given, 'unsafe')],
  ['prisma', (given) => isFunction(given, '$queryRawUnsafe')],
  ['kysely', (given) => isFunction(given, 'executeQuery') && 'isTransaction' in given],
  ['drizzle', (given) => isFunction(given, 'execute') && 'session' in given],
  ['better-sqlite3', (given) => isFunction(given, 'prepare') && 'inTransaction' in given],
  ['pool', (given) => isFunction(given, 'connect') && 'totalCount' in given],
  ['pg', (given) => isFunction(given, 'query')],
]

/** What to do with one that is not to be taken as it stands. */
const REMEDIES: Record<Shape, string> = {
  pool: 'that is a pool, whose statements go to any connection: pass the client that ran BEGIN',
  pg: 'that is a client of pg: pass it as it stands',
  kysely: 'that is of kysely: pass kyselyTx(trx)',
  drizzle: 'that is of drizzle: pass drizzleTx(tx)',
  prisma: 'that is of Prisma: pass prismaTx(tx)',
  'postgres-js': 'that is of the package postgres: pass postgresJsTx(sql)',
  'better-sqlite3': 'that is a database of better-sqlite3, and this sender keeps its events in Postgres',
  unknown:
    'pass the client of pg that ran BEGIN, or kyselyTx(trx), drizzleTx(tx), prismaTx(tx), postgresJsTx(sql), which hookferry/postgres exports',
}

export function shapeOf(given: unknown): Shape {
  if ((typeof given !== 'object' && typeof given !== 'function') || given === null) return 'unknown'
  return SHAPES.find(([, fits]) => fits(given))?.[0] ?? 'unknown'
}

/** Throws an `ArgumentError` that tells what was given and what to give. */
export function refuse(given: unknown, expected?: string): never {
  const shape = shapeOf(given)
  const remedy = REMEDIES[shape]
  const message = expected === undefined ? remedy : shape === 'unknown' ? expected : `${expected}; ${remedy}`
  throw new ArgumentError('argument_type', 'sendIn.tx', message)
}

export function isFunction(given: unknown, name: string): boolean {
  if ((typeof given !== 'object' && typeof given !== 'function') || given === null) return false
  return typeof (given as Record<string, unknown>)[name] === 'function'
}

/**
 * What a client knows of its transaction; undefined: nothing. pg goes by the last answer, which says nothing while a statement is
 * on its way: it may be the ROLLBACK.
 */
export function knownStatus(client: {
  getTransactionStatus?(): string | null | undefined
  readyForQuery?: boolean
}): string | null | undefined {
  const status = client.getTransactionStatus?.()
  return status === 'T' && client.readyForQuery === false ? undefined : status
}
