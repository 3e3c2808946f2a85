/** No statement of the storage may depend on how many rows there are: each is served by an index. */
import { Client } from 'pg'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { Connection, PLANS } from '../../../src/storage/postgres/connection.ts'
import { postgres } from '../../../src/storage/postgres/index.ts'
import { NOW } from '../../../src/testing/storage-suite/fixtures.ts'
import { type Server, startServer } from '../../support/postgres/server.ts'
import { useEverything } from '../../support/postgres/use-everything.ts'

const SCHEMA = `hookferry_plans_${process.pid}`

interface Plan {
  'Node Type': string
  'Relation Name'?: string
  'Index Name'?: string
  'Index Cond'?: string
  Plans?: Plan[]
}

/** Read in their order and under a LIMIT, or they hold only rows that are all wanted. */
const WHOLE_INDEXES =
  /^hookferry_(line_ready|lane_ready|lane_hold|lane_resting|delivery_pending|delivery_leased|event_fan_out|replay_running)$/
/** The newest row, the largest key. */
const FIRST_ROW = /\(SELECT max\(/

let server: Server
const statements = new Map<string, unknown[]>()

beforeAll(async () => {
  server = await startServer()
  for (const method of ['run', 'get', 'all'] as const) {
    const original = Connection.prototype[method] as (sql: string, ...values: unknown[]) => Promise<unknown>
    vi.spyOn(Connection.prototype, method).mockImplementation(function (this: Connection, sql, ...values) {
      statements.set(sql, values)
      return original.call(this, sql, ...values) as never
    })
  }
}, 60_000)

afterAll(async () => {
  vi.restoreAllMocks()
  await server?.query(`DROP SCHEMA IF EXISTS ${SCHEMA} CASCADE`)
  await server?.stop()
})

it('serves every statement by an index, beside 100,000 deliveries', { timeout: 60_000 }, async () => {
  const storage = postgres({ connectionString: server.url, schema: SCHEMA })
  await storage.open({ now: NOW })
  try {
    await useEverything(storage)
  } finally {
    await storage.close()
  }
  await fill(100_000)
  const seen = [...statements].filter(([sql]) => sql.includes('{') && !sql.includes('{meta}'))
  expect(seen.length).toBeGreaterThan(60)

  const client = new Client({ connectionString: server.url })
  await client.connect()
  const slow: string[] = []
  try {
    await client.query(`BEGIN; ${PLANS}; SET LOCAL plan_cache_mode = force_generic_plan`)
    for (const [sql, values] of seen) {
      const text = sql.replace(/\{([a-z_]+)\}/g, `"${SCHEMA}"."hookferry_$1"`)
      const { rows } = await client.query(`EXPLAIN (FORMAT JSON) ${text}`, values)
      const scans = slowScans(rows[0]['QUERY PLAN'][0].Plan, sql)
      if (scans.length > 0) slow.push(`${scans.join(', ')}: ${sql}`)
    }
  } finally {
    await client.end()
  }
  expect(slow).toEqual([])
})

/** Reads of a whole table, or of an index from one end to the other. */
function slowScans(plan: Plan, sql: string): string[] {
  const below = (plan.Plans ?? []).flatMap((child) => slowScans(child, sql))
  const { 'Node Type': type, 'Relation Name': relation = '', 'Index Name': index, 'Index Cond': condition } = plan
  if (!relation.startsWith('hookferry_')) return below
  if (type === 'Seq Scan') return [...below, `${type} ${relation}`]
  if (index === undefined || condition !== undefined) return below
  return WHOLE_INDEXES.test(index) || FIRST_ROW.test(sql) ? below : [...below, `${type} ${index}`]
}

/** Deliveries of 1,000 endpoints, delivered, failed, pending and leased, as so many would stand after some days. */
async function fill(count: number): Promise<void> {
  await server.query(`
    INSERT INTO ${SCHEMA}.hookferry_tenant (name) SELECT 'tenant ' || n FROM generate_series(1, 1000) AS n;
    INSERT INTO ${SCHEMA}.hookferry_line (tenant_key, ready_at)
    SELECT key, ${NOW} FROM ${SCHEMA}.hookferry_tenant ON CONFLICT DO NOTHING;
    INSERT INTO ${SCHEMA}.hookferry_endpoint (tenant_key, created_version, version, url_version, created_at, updated_at,
      id, url, secrets)
    SELECT 1 + n % 1000, 1, n, 1, ${NOW} + n, 0, 'ep_fill_' || n, '', '[]' FROM generate_series(1, 1000) AS n;
    INSERT INTO ${SCHEMA}.hookferry_lane (endpoint_key, tenant_key, ready_at, state_changed_at, state)
    SELECT key, tenant_key, ${NOW}, 0, 'active' FROM ${SCHEMA}.hookferry_endpoint ON CONFLICT DO NOTHING;
    INSERT INTO ${SCHEMA}.hookferry_idempotency (tenant_key, expires_at, key, event_id, hash)
    SELECT 1, ${NOW} + n, 'key ' || n, '', '' FROM generate_series(1, 1000) AS n;
    INSERT INTO ${SCHEMA}.hookferry_replay (created_at, ended_at, total, bound_at, bound_key, id, state, selection)
    SELECT n, n, 1, 1, 1, 'rpl_fill_' || n, 'completed', '{}' FROM generate_series(1, 1000) AS n;
    INSERT INTO ${SCHEMA}.hookferry_event (tenant_key, created_at, occurred_at, deliver_at, fan_version, id, type,
      content_type, body)
    SELECT 1 + n % 2, ${NOW} + n, 0, 0, 1, 'evt_fill_' || n, 'invoice.paid', 'application/json', ''
    FROM generate_series(1, ${count}) AS n;
    INSERT INTO ${SCHEMA}.hookferry_delivery (event_key, endpoint_key, tenant_key, created_at, due_at, ended_at, claim,
      state, lease_until, replay_key)
    SELECT e.key, 1 + e.key % 1000, e.tenant_key, e.created_at, e.created_at, e.created_at, 1, e.key % 5, e.created_at,
      nullif(e.key % 7, 0)
    FROM ${SCHEMA}.hookferry_event AS e ON CONFLICT DO NOTHING;
    INSERT INTO ${SCHEMA}.hookferry_attempt (delivery_key, number, round, started_at, outcome, url)
    SELECT key, 1, 1, created_at, 'delivered', '' FROM ${SCHEMA}.hookferry_delivery ON CONFLICT DO NOTHING;
    ANALYZE`)
}
