/** The plans of all statements beside 1,000,000 deliveries, with statistics and without. */
import Database from 'better-sqlite3'
import { afterEach, expect, test, vi } from 'vitest'
import { boundedCalls } from '../../support/million.ts'
import { useEverything } from '../../support/postgres/use-everything.ts'
import { freshPath, openStorage } from './fixtures.ts'
import { fillMillion } from './million.ts'

/** Read in the order of an index, up to a LIMIT or the first row; or what an earlier step of the statement found. Tables with these short names are such. */
const BOUNDED_SCANS = [
  /SCAN \w+ USING (COVERING )?INDEX hookferry_(tenant_ready|lane_ready|lane_hold|event_fan_out|event_turn|replay_running)/,
  /SCAN \w+ USING (COVERING )?INDEX hookferry_delivery_(pending|waiting|leased)/,
  /SCAN (json_each|[lw]|CONSTANT ROW|\(subquery-\d+\)|pragma_\w+)( VIRTUAL TABLE INDEX \d+:\d*)?$/,
]

afterEach(() => vi.restoreAllMocks())

test('every statement is served by an index, beside 1,000,000 deliveries', { timeout: 120_000 }, async () => {
  const path = freshPath()
  await fillMillion(path)
  const statements = new Set<string>()
  const original = Database.prototype.prepare as (sql: string) => Database.Statement
  vi.spyOn(Database.prototype, 'prepare').mockImplementation(function (this: Database.Database, sql) {
    statements.add(sql)
    return original.call(this, sql) as never
  })
  const storage = await openStorage(path)
  // Lists first: nothing is taken away from what they read.
  for (const { call } of boundedCalls()) await call(storage)
  await useEverything(storage)
  vi.restoreAllMocks()

  const seen = [...statements].filter((sql) => /^\s*(SELECT|UPDATE|DELETE|INSERT|WITH)/.test(sql))
  expect(seen.length).toBeGreaterThan(60)
  expect(slowOf(path, seen)).toEqual([])
  const db = new Database(path)
  // Not done by us: by a host that shares the file, or by a person. It changes plans from the next connection on.
  db.exec('PRAGMA analysis_limit = 1000; ANALYZE')
  db.close()
  expect(slowOf(path, seen)).toEqual([])
})

function slowOf(path: string, statements: string[]): string[] {
  const db = new Database(path)
  const slow = statements.flatMap((sql) => {
    const steps = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...nullsFor(sql)) as { detail: string }[]
    return steps.filter(({ detail }) => isSlow(detail, sql)).map(({ detail }) => `${detail}: ${sql}`)
  })
  db.close()
  return slow
}

function nullsFor(sql: string): (null | Record<string, null>)[] {
  const named = Object.fromEntries([...sql.matchAll(/@(\w+)/g)].map(([, name]) => [name, null]))
  const positional = [...sql.matchAll(/\?/g)].map(() => null)
  return Object.keys(named).length === 0 ? positional : [...positional, named]
}

function isSlow(step: string, sql: string): boolean {
  if (step.startsWith('SCAN')) return !BOUNDED_SCANS.some((pattern) => pattern.test(step))
  // As many rows as there are ids are sorted.
  return step.includes('TEMP B-TREE FOR ORDER BY') && !sql.includes('json_each(@ids)')
}
