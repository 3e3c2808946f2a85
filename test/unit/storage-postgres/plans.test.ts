/** No statement of the storage may depend on how many rows there are: each is served by an index, and reads few rows. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type PostgresStorage, postgres } from '../../../src/storage/postgres/index.ts'
import { NOW } from '../../../src/testing/storage-suite/fixtures.ts'
import { boundedCalls } from '../../support/million.ts'
import { type Million, startMillion } from '../../support/postgres/million.ts'
import { examined, explainAll, nodesOf, type Plan, pagesOf } from '../../support/postgres/million-plans.ts'
import { useEverything } from '../../support/postgres/use-everything.ts'

/** Read in their order and under a LIMIT, or they hold only rows that are all wanted. */
const WHOLE_INDEXES =
  /^hookferry_(line_ready|lane_ready|lane_hold|lane_resting|delivery_pending|delivery_waiting|delivery_leased|event_fan_out|replay_running)$/
/** The newest row, the largest key. */
const FIRST_ROW = /\(SELECT max\(/
/** Of the calls of `useEverything`, which ask for 50 at most, of a tenant with 100 endpoints. */
const ROWS_MAX = 300

let million: Million
const open: PostgresStorage[] = []

beforeAll(async () => {
  million = await startMillion()
}, 120_000)

afterEach(async () => {
  vi.restoreAllMocks()
  for (const storage of open.splice(0)) await storage.close()
})

afterAll(() => million?.stop())

async function opened(database: 'unaware' | 'aware'): Promise<PostgresStorage> {
  const storage = postgres({ connectionString: million[database] })
  open.push(storage)
  await storage.open({ now: NOW })
  return storage
}

describe.each(['unaware', 'aware'] as const)(
  'beside 1,000,000 deliveries, by statistics that are %s of them',
  (database) => {
    // First: it takes nothing away from what the other needs.
    it('reads no more rows for a page, a look for work or a claim than it may', { timeout: 120_000 }, async () => {
      const storage = await opened(database)
      const slow = new Set<string>()
      let read = new Map<string, number>()
      explainAll(({ sql, kind, plan }) => {
        for (const problem of [...slowNodes(plan, sql), ...passedOver(plan)]) slow.add(`${kind}: ${problem}: ${sql}`)
        for (const node of nodesOf(plan)) {
          const way = `${kind} ${node['Relation Name']}`
          if (node['Relation Name'] !== undefined) read.set(way, (read.get(way) ?? 0) + examined(node))
        }
      })
      for (const { name, rowsMax, call } of boundedCalls()) {
        read = new Map()
        await call(storage)
        for (const [way, rows] of read) if (rows > rowsMax) slow.add(`${name}: ${way}: ${rows} rows`)
      }
      expect([...slow]).toEqual([])
    })

    it('serves every statement by an index', { timeout: 120_000 }, async () => {
      const storage = await opened(database)
      const slow = new Set<string>()
      const statements = new Set<string>()
      explainAll(({ sql, kind, plan }) => {
        statements.add(sql)
        for (const problem of [...slowNodes(plan, sql), ...passedOver(plan)]) slow.add(`${kind}: ${problem}: ${sql}`)
        for (const node of nodesOf(plan)) {
          if (examined(node) > ROWS_MAX) slow.add(`${kind}: ${examined(node)} rows by ${node['Node Type']}: ${sql}`)
        }
      })
      await useEverything(storage)
      expect(statements.size).toBeGreaterThan(60)
      expect([...slow]).toEqual([])
    })
  },
)

/** Reads of a whole table, or of an index from one end to the other. */
function slowNodes(plan: Plan, sql: string): string[] {
  return nodesOf(plan).flatMap((node) => {
    const { 'Node Type': type, 'Relation Name': relation = '', 'Index Name': index, 'Index Cond': condition } = node
    if (!relation.startsWith('hookferry_')) return []
    if (type === 'Seq Scan') return [`${type} ${relation}`]
    if (index === undefined || condition !== undefined) return []
    return WHOLE_INDEXES.test(index) || FIRST_ROW.test(sql) ? [] : [`${type} ${index}`]
  })
}

/** Many pages for few rows: an index was walked for something that it is not ordered by. */
function passedOver(plan: Plan): string[] {
  const rows = nodesOf(plan).reduce((sum, node) => sum + examined(node), 0)
  return pagesOf(plan) > 300 + 10 * rows ? [`${pagesOf(plan)} pages for ${rows} rows`] : []
}
