import type { Parameter, Value } from './driver.ts'

/** Rows as parameters: one array for each column, so that a statement is the same however many rows there are. */
export interface Batch<Row> {
  /** In FROM, with the first parameter's number: the rows as `alias`, with their place as `ord`. */
  from(alias: string, first?: number): string
  values(rows: readonly Row[]): Parameter[]
}

type Columns<Row> = Record<string, readonly [type: string, of: (row: Row) => Value]>
type Bytes = Uint8Array | null

/**
 * A column of bytes is one parameter with all of them, and where each row's begin and how many they are. In an array each would be
 * written as hex, escaped and read again: twice the room on the wire, and work at both ends.
 */
export function batchOf<Row>(columns: Columns<Row>): Batch<Row> {
  const entries = Object.entries(columns)
  const wide = entries.filter(([, [type]]) => type === 'bytea')
  const arrays = entries.flatMap(([name, [type]]) =>
    type === 'bytea'
      ? [[`${name}_at`, 'integer'] as const, [`${name}_length`, 'integer'] as const]
      : [[name, type] as const],
  )
  return {
    from(alias, first = 1) {
      const given = arrays.map(([, type], index) => `$${first + index}::${type}[]`).join(', ')
      const rows = `unnest(${given}) WITH ORDINALITY AS ${alias}(${arrays.map(([name]) => name).join(', ')}, ord)`
      if (wide.length === 0) return rows
      const cut = wide.map(([name], index) => {
        return `substring($${first + arrays.length + index}::bytea FROM ${name}_at FOR ${name}_length) AS ${name}`
      })
      return `(SELECT *, ${cut.join(', ')} FROM ${rows}) AS ${alias}`
    },
    values(rows) {
      const joined: Buffer[] = []
      const lists = entries.flatMap(([, [type, of]]): Value[][] => {
        if (type !== 'bytea') return [rows.map(of)]
        const { bytes, at, length } = join(rows.map((row) => of(row) as Bytes))
        joined.push(bytes)
        return [at, length]
      })
      return [...lists, ...joined]
    },
  }
}

/** Counted from 1, as Postgres does. */
function join(chunks: Bytes[]): { bytes: Buffer; at: number[]; length: (number | null)[] } {
  let end = 1
  const at = chunks.map((chunk) => {
    const start = end
    end += chunk?.byteLength ?? 0
    return start
  })
  const bytes = Buffer.concat(chunks.filter((chunk) => chunk !== null))
  return { bytes, at, length: chunks.map((chunk) => chunk?.byteLength ?? null) }
}
