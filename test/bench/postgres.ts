import { postgres } from 'hookferry/postgres'
import { Client, Pool } from 'pg'
import { type OwnServer, startOwnServer } from '../support/postgres/server.ts'
import { BODY } from './loop.ts'
import { accepts, bareNodeFetch, type EndToEnd, endToEnd, type Sink } from './measures.ts'

/** The measurements on Postgres: a server of our own on the same machine, its data on disk, its settings those it comes with. */

export const IN_FLIGHT = 256
const ACCEPTS = 12_000
const DELIVERIES = 5_000
/** As many as one commit of ours takes at most. */
const GROUP = 128

export interface OnPostgres extends EndToEnd {
  acceptsPerSecond: number
  bareInsertsPerSecond: number
  bareNodeFetchPerSecond: number
  statementsPerEvent: number
  bytesPerEvent: number
}

export interface PostgresBench {
  /** What the server says of itself. */
  settings: Record<string, string>
  run(sink: Sink): Promise<OnPostgres>
  stop(): Promise<void>
}

export async function startPostgres(): Promise<PostgresBench> {
  const server = await startOwnServer()
  const settings: Record<string, string> = {}
  for (const name of ['server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers']) {
    const [row] = await server.query<Record<string, string>>(`SHOW ${name}`)
    settings[name] = row?.[name] ?? ''
  }
  if (settings.fsync !== 'on' || settings.synchronous_commit !== 'on') throw new Error('the server is not durable')
  return { settings, run: (sink) => run(server, sink), stop: () => server.stop() }
}

async function run(server: OwnServer, sink: Sink): Promise<OnPostgres> {
  const pool = new Pool({ connectionString: server.url, max: 10 }).on('error', () => {})
  const counted = counting(pool)
  const storage = (schema: string) => postgres({ pool: counted.pool, schema })
  const at = { inFlight: IN_FLIGHT }
  try {
    const acceptsPerSecond = await accepts({ ...at, storage: storage('accepts'), count: ACCEPTS }, sink)
    const bareInsertsPerSecond = await bareInserts(server, 'accepts')
    const bareNodeFetchPerSecond = await bareNodeFetch({ ...at, count: DELIVERIES }, sink)
    const before = counted.statements()
    const ours = await endToEnd({ ...at, storage: storage('end_to_end'), count: DELIVERIES }, sink)
    const statementsPerEvent = (counted.statements() - before) / DELIVERIES
    const [size] = await server.query<{ bytes: string }>(`
      SELECT sum(pg_total_relation_size(c.oid)) AS bytes FROM pg_class AS c
      WHERE relkind = 'r' AND relnamespace = 'end_to_end'::regnamespace`)
    const bytesPerEvent = Number(size?.bytes) / DELIVERIES
    return {
      ...ours,
      acceptsPerSecond,
      bareInsertsPerSecond,
      bareNodeFetchPerSecond,
      statementsPerEvent,
      bytesPerEvent,
    }
  } finally {
    await pool.end()
    await server.query('DROP SCHEMA IF EXISTS accepts CASCADE; DROP SCHEMA IF EXISTS end_to_end CASCADE; CHECKPOINT')
  }
}

/**
 * The same rows into the same tables, by two statements and a commit for each group, one group after the other: what these
 * tables and this disk allow to whoever asks and decides nothing. Rows a second.
 */
async function bareInserts(server: OwnServer, schema: string): Promise<number> {
  const client = new Client({ connectionString: server.url })
  await client.connect()
  const copyOf = async (table: string, given: Record<string, string>) => {
    const { rows } = await client.query<{ name: string }>(
      'SELECT column_name AS name FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2',
      [schema, `hookferry_${table}`],
    )
    const names = rows.map(({ name }) => name).filter((name) => name !== 'key')
    const values = names.map((name) => given[name] ?? `pattern.${name}`)
    const from = `(SELECT * FROM ${schema}.hookferry_${table} LIMIT 1) AS pattern`
    return `INSERT INTO ${schema}.hookferry_${table} (${names}) SELECT ${values} FROM ${from}, unnest`
  }
  const now = Date.now()
  const events = await copyOf('event', { id: 'i.id', body: 'i.body', created_at: `${now}` })
  const deliveries = await copyOf('delivery', { event_key: 'i.event_key', created_at: `${now}`, due_at: `${now}` })
  const bodies = new Array<Buffer>(GROUP).fill(Buffer.from(BODY))
  const groups = Math.ceil(ACCEPTS / GROUP)
  const began = performance.now()
  for (let group = 0; group < groups; group++) {
    const ids = bodies.map((_, index) => `evt_bare_${String(group * GROUP + index).padStart(20, '0')}`)
    await client.query('BEGIN')
    const { rows } = await client.query<{ key: string }>({
      name: 'events',
      text: `${events}($1::text[], $2::bytea[]) AS i(id, body) RETURNING key`,
      values: [ids, bodies],
    })
    const keys = rows.map(({ key }) => key)
    await client.query({ name: 'deliveries', text: `${deliveries}($1::bigint[]) AS i(event_key)`, values: [keys] })
    await client.query('COMMIT')
  }
  const seconds = (performance.now() - began) / 1_000
  await client.end()
  return (groups * GROUP) / seconds
}

/** Counts what the sender sends to the server: BEGIN and COMMIT, too. */
function counting(pool: Pool): { pool: Pool; statements(): number } {
  let count = 0
  const connect = async () => over(await pool.connect(), (name) => name === 'query' && count++)
  return { statements: () => count, pool: over(pool, () => {}, { connect }) }
}

function over<T extends object>(target: T, onGet: (name: string | symbol) => unknown, own: Partial<T> = {}): T {
  return new Proxy(target, {
    get(_, name) {
      onGet(name)
      const value = Reflect.get(name in own ? own : target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
