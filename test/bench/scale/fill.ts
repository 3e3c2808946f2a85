import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { createWebhookSender, type Transport } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'

/** Files with millions of deliveries, made by statements of the database from one of each row that the sender itself wrote. */

export interface Filling {
  tenants: number
  /** Spread evenly over the tenants. */
  endpoints: number
  events: number
  /** Endpoints of each event. */
  perEvent: number
  /** Of the delivery `n`, in SQL: 0 pending, 2 delivered, 3 failed, 4 canceled. */
  state: string
  /** The first was made so long ago, the last now. */
  spanMs: number
  bodyBytes: number
  attempts: boolean
}

const ANSWER = {
  status: 200,
  headers: { 'content-length': '2' },
  body: Buffer.from('ok'),
  remoteAddress: '127.0.0.1',
  timings: { connectMs: null, tlsMs: null, headersMs: 1, bodyMs: 0 },
}

/** Answers in the next turn of the event loop: HTTP is not the subject here. */
export const NO_HTTP: Transport = {
  name: 'none',
  send: () => new Promise((resolve) => setImmediate(resolve, ANSWER)),
  close: async () => {},
}

export const NETWORK = { allowHttp: true, allowRanges: ['127.0.0.0/8'] }

/** Runs `work` with the path of a file that is removed afterwards. */
export async function withFile<T>(work: (path: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'hookferry-scale-'))
  try {
    return await work(join(folder, 'scale.db'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export function endpointId(n: number): string {
  return `ep_${String(n).padStart(26, '0')}`
}

export function eventId(n: number): string {
  return `evt_${String(n).padStart(26, '0')}`
}

/** The tenant and the endpoint with the number 1 are the default tenant and its first endpoint. */
export async function fill(path: string, filling: Filling): Promise<void> {
  await writePatterns(path, filling.bodyBytes)
  const db = new Database(path)
  const named = (sql: string) => sql.replace(/\{(\w+)\}/g, 'hookferry_$1')
  const indexes = db
    .prepare(`SELECT name, sql FROM sqlite_master WHERE type = 'index' AND name LIKE 'hookferry_%' AND sql IS NOT NULL`)
    .all() as { name: string; sql: string }[]
  // What is written here is read once: nothing is gained by keeping it.
  db.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -262144; PRAGMA temp_store = FILE; BEGIN')
  for (const { name } of indexes) db.exec(`DROP INDEX ${name}`)
  for (const [table, { count, columns }] of Object.entries(rowsOf(filling))) {
    const pattern = db.prepare(named(`SELECT * FROM {${table}} WHERE rowid = 1`)).get() as Record<string, unknown>
    const values = Object.keys(pattern).map((name) => columns[name] ?? `@${name}`)
    db.prepare(
      named(`WITH RECURSIVE series (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM series WHERE n < ${count})
      INSERT INTO {${table}} (${Object.keys(pattern).join(', ')}) SELECT ${values.join(', ')} FROM series WHERE n <= ${count}`),
    ).run(pattern)
  }
  for (const { sql } of indexes) db.exec(sql)
  db.exec(named(PLACES))
  db.exec('COMMIT')
  db.pragma('wal_checkpoint(TRUNCATE)')
  db.close()
  // Or the first commit that is measured would wait until all of this is on the disk.
  const file = openSync(path, 'r+')
  fsyncSync(file)
  closeSync(file)
}

/** The places in line, as the storage itself keeps them. */
const PLACES = `
  UPDATE {tenant} SET version = (SELECT max(version) FROM {endpoint} WHERE tenant_key = {tenant}.key);
  UPDATE {lane} SET ready_at = (
    SELECT due_at FROM {delivery} INDEXED BY {delivery_pending}
    WHERE endpoint_key = {lane}.endpoint_key AND state = 0 ORDER BY due_at LIMIT 1);
  UPDATE {tenant} SET ready_at = (
    SELECT min(ready_at) FROM {lane} INDEXED BY {lane_ready} WHERE tenant_key = {tenant}.key AND ready_at IS NOT NULL);
`

function rowsOf({ tenants, endpoints, events, perEvent, state, spanMs, attempts }: Filling) {
  const deliveries = events * perEvent
  const began = Date.now() - spanMs
  const at = (event: string) => `${began} + CAST(${spanMs / events} * (${event}) AS INTEGER)`
  const event = `(1 + (n - 1) / ${perEvent})`
  const tenant = (number: string) => `1 + (${number} - 1) % ${tenants}`
  const padded = (prefix: string) => `'${prefix}' || printf('%026d', n)`
  const rows: Record<string, { count: number; columns: Record<string, string> }> = {
    tenant: { count: tenants, columns: { key: 'n', name: `'tenant ' || n` } },
    endpoint: {
      count: endpoints,
      columns: {
        key: 'n',
        id: padded('ep_'),
        tenant_key: tenant('n'),
        created_version: 'n',
        version: 'n',
        created_at: `${began} - ${endpoints} + n`,
        // Each under a name of its own.
        url: `'http://host-' || n || '.example/'`,
      },
    },
    lane: { count: endpoints, columns: { endpoint_key: 'n', tenant_key: tenant('n') } },
    event: {
      count: events,
      columns: {
        key: 'n',
        id: padded('evt_'),
        tenant_key: tenant('n'),
        created_at: at('n'),
        occurred_at: at('n'),
        deliver_at: at('n'),
        type: `CASE n % 10 WHEN 0 THEN 'invoice.paid' ELSE 'order.placed' END`,
      },
    },
    delivery: {
      count: deliveries,
      columns: {
        key: 'n',
        event_key: event,
        // Distinct endpoints of the event's tenant.
        endpoint_key: `${tenant(event)} + ${tenants} * ((((${event} - 1) / ${tenants}) * ${perEvent} + (n - 1) % ${perEvent}) % ${endpoints / tenants})`,
        tenant_key: tenant(event),
        state,
        created_at: at(event),
        due_at: at(event),
        ended_at: `CASE WHEN ${state} = 0 THEN NULL ELSE ${at(event)} END`,
      },
    },
  }
  if (attempts) rows.attempt = { count: deliveries, columns: { key: 'n', delivery_key: 'n', started_at: at(event) } }
  return rows
}

/** One tenant, endpoint, event, delivery and attempt. */
async function writePatterns(path: string, bodyBytes: number): Promise<void> {
  const sender = createWebhookSender({ storage: sqlite({ path }), transport: NO_HTTP, network: NETWORK })
  await sender.endpoints.create({ url: 'http://127.0.0.1:9/' })
  const { id } = await sender.send({
    type: 'order.placed',
    body: new Uint8Array(bodyBytes).fill(97),
    contentType: 'text/plain',
  })
  await sender.drain()
  const [delivery] = (await sender.deliveries.list({ eventId: id })).items
  if (delivery?.state !== 'delivered') throw new Error('the pattern was not delivered')
  await sender.stop()
}
