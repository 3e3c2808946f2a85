import type { Value } from './driver.ts'

/** Rows as parameters: one array for each column, so that a statement is the same however many rows there are. */
export interface Batch<Row> {
  /** In FROM, with the first parameter's number: the rows as `alias`, with their place as `ord`. */
  from(alias: string, first?: number): string
  values(rows: readonly Row[]): Value[][]
}

type Columns<Row> = Record<string, readonly [type: string, of: (row: Row) => Value]>

export function batchOf<Row>(columns: Columns<Row>): Batch<Row> {
  const names = Object.keys(columns)
  const specs = Object.values(columns)
  return {
    from(alias, first = 1) {
      const arrays = specs.map(([type], index) => `$${first + index}::${type}[]`)
      return `unnest(${arrays.join(', ')}) WITH ORDINALITY AS ${alias}(${names.join(', ')}, ord)`
    },
    values: (rows) => specs.map(([, of]) => rows.map(of)),
  }
}
