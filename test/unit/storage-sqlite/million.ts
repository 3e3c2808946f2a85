import { addPatterns, BACKLOGS, millionRows, type Rows } from '../../support/million.ts'
import { openRaw, openStorage } from './fixtures.ts'

type Raw = ReturnType<typeof openRaw>

/** Adds a million deliveries to a file that has a schema; by statements of the database, indexes last. */
export async function fillMillion(path: string): Promise<void> {
  await addPatterns(await openStorage(path))
  const db = openRaw(path)
  const keyOf = (sql: string) => db.get<{ key: number }>(sql)?.key ?? 0
  const keys = {
    acme: keyOf(`SELECT key FROM hookferry_tenant WHERE name = 'acme'`),
    other: keyOf(`SELECT key FROM hookferry_tenant WHERE name = 'other'`),
    ep1: keyOf(`SELECT key FROM hookferry_endpoint WHERE id = 'ep_1'`),
  }
  const indexes = db.all<{ name: string; sql: string }>(
    `SELECT name, sql FROM sqlite_master WHERE type = 'index' AND name LIKE 'hookferry_%' AND sql IS NOT NULL`,
  )
  const states = columnsOf(db, 'delivery').includes('ordering_key') ? 6 : 5
  // What is written here is read once: nothing is gained by keeping it.
  db.script('PRAGMA synchronous = OFF; PRAGMA cache_size = -262144; BEGIN')
  for (const { name } of indexes) db.script(`DROP INDEX ${name}`)
  for (const rows of millionRows(keys, states)) insert(db, rows)
  for (const { table, set, where } of BACKLOGS) {
    const condition = where.replace(/\{(\w+)\}/, (_, name: keyof typeof keys) => String(keys[name]))
    if (columnsOf(db, table).includes('ready_at')) db.run(`UPDATE hookferry_${table} SET ${set} WHERE ${condition}`)
  }
  for (const { sql } of indexes) db.script(sql)
  db.script('COMMIT')
  db.close()
}

function columnsOf(db: Raw, table: string): string[] {
  return db.all<{ name: string }>(`PRAGMA table_info(hookferry_${table})`).map(({ name }) => name)
}

function insert(db: Raw, { table, count, columns: given }: Rows): void {
  const columns = columnsOf(db, table)
  if (columns.length === 0) return
  // Not read by the statement itself, which would then keep all rows aside until it is done.
  const pattern = db.get<Record<string, string | number | null>>(`SELECT * FROM hookferry_${table} LIMIT 1`)
  if (pattern === undefined) throw new Error(`${table} has no pattern`)
  const copied = columns.filter((column) => given[column] === undefined)
  db.run(
    `WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < ${count})
    INSERT INTO hookferry_${table} (${columns.join(', ')})
    SELECT ${columns.map((column) => given[column] ?? `@${column}`).join(', ')} FROM series`,
    ...(copied.length === 0 ? [] : [Object.fromEntries(copied.map((column) => [column, pattern[column] ?? null]))]),
  )
}
