import { postgres } from 'hookferry/postgres'
import { Client as Connection, Pool } from 'pg'
import { type OwnServer, startOwnServer } from '../support/postgres/server.ts'
import { BENCHES, bareLoop, CLIENTS, type Client } from './clients.ts'
import { BODY } from './loop.ts'
import { accepts, endToEnd } from './measures.ts'
import type { Definition, Measured } from './medians.ts'
import type { Sink } from './sink-process.ts'

/** The measurements on Postgres: a server of our own on the same machine, its data on disk, its settings those it comes with. */

export const IN_FLIGHT = 256
const ACCEPTS = 12_800
/** As many as one commit of ours takes at most. */
const GROUP = 128

export const FIGURES: Definition[] = [
  ...CLIENTS.map(
    (client): Definition => [`${client} closed`, `end to end, closed loop, ${client}: share of the bare loop`],
  ),
  ['accepts share', 'durable accepts: share of bare grouped inserts of the same rows'],
  ['statements', `statements per event, closed loop, ${CLIENTS[0]}`, undefined, { atMost: 0.2 }],
  ['bytes', 'size per event', 'KB', { atMost: 2.5 }],
  ['accepts', 'durable accepts', '/s'],
  ['bare inserts', 'bare grouped inserts of the same rows', '/s'],
  ...CLIENTS.flatMap((client): Definition[] => [
    [`${client} closed rate`, `end to end, closed loop, ${client}`, '/s'],
    [`${client} bare rate`, `bare loop, ${client}`, '/s'],
    [`${client} cpu`, `CPU of this process per event, closed loop, ${client}`, 'µs'],
  ]),
]

export interface PostgresBench {
  /** What the server says of itself. */
  settings: Record<string, string>
  run(sink: Sink): Promise<Measured>
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

async function run(server: OwnServer, sink: Sink): Promise<Measured> {
  const pool = new Pool({ connectionString: server.url, max: 10 }).on('error', () => {})
  const counted = counting(pool)
  const load = (schema: string, client: Client, count: number) => {
    return { storage: postgres({ pool: counted.pool, schema }), client, count, inFlight: IN_FLIGHT }
  }
  const measured: Measured = {}
  try {
    for (const client of CLIENTS) {
      const { counts } = BENCHES[client]
      const schema = schemaOf(client)
      const bare = await bareLoop(client, counts.bare, IN_FLIGHT, sink.url)
      const before = counted.statements()
      const ours = await endToEnd(load(schema, client, counts.ours), sink)
      measured.statements ??= (counted.statements() - before) / counts.ours
      const [size] = await server.query<{ bytes: string }>(`
        SELECT sum(pg_total_relation_size(c.oid)) AS bytes FROM pg_class AS c
        WHERE relkind = 'r' AND relnamespace = '${schema}'::regnamespace`)
      measured.bytes = Number(size?.bytes) / counts.ours / 1_000
      measured[`${client} closed`] = ours.perSecond / bare.perSecond
      measured[`${client} closed rate`] = ours.perSecond
      measured[`${client} bare rate`] = bare.perSecond
      measured[`${client} cpu`] = ours.cpuMicros
    }
    measured.accepts = await accepts(load('accepts', 'node-fetch', ACCEPTS), sink)
    measured['bare inserts'] = await bareInserts(server, 'accepts')
    measured['accepts share'] = measured.accepts / measured['bare inserts']
    return measured
  } finally {
    await pool.end()
    const schemas = [...CLIENTS.map(schemaOf), 'accepts']
    await server.query(`${schemas.map((schema) => `DROP SCHEMA IF EXISTS ${schema} CASCADE`).join(';')}; CHECKPOINT`)
  }
}

const schemaOf = (client: Client) => client.replace('-', '_')

/**
 * The same rows into the same tables, by two statements and a commit for each group, one group after the other: what these
 * tables and this disk allow to whoever asks and decides nothing. Rows a second.
 */
async function bareInserts(server: OwnServer, schema: string): Promise<number> {
  const client = new Connection({ connectionString: server.url })
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
