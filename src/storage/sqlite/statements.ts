import type { Statement, Value } from './driver.ts'

type Bindings = readonly (Value | Readonly<Record<string, Value>>)[]

/** The statements of one connection, each prepared once. In their SQL, `{name}` is a table or index of ours, with the prefix. */
export class Statements {
  readonly #prepare: (sql: string) => Statement
  readonly #tablePrefix: string
  readonly #statements = new Map<string, Statement>()

  constructor(prepare: (sql: string) => Statement, tablePrefix: string) {
    this.#prepare = prepare
    this.#tablePrefix = tablePrefix
  }

  run(sql: string, ...values: Bindings): { changes: number; key: number } {
    const { changes, lastInsertRowid } = this.#statement(sql).run(...values)
    return { changes, key: Number(lastInsertRowid) }
  }

  get<Row>(sql: string, ...values: Bindings): Row | undefined {
    return this.#statement(sql).get(...values) as Row | undefined
  }

  all<Row>(sql: string, ...values: Bindings): Row[] {
    return this.#statement(sql).all(...values) as Row[]
  }

  /** Lazily; no other statement may run meanwhile. */
  iterate<Row>(sql: string, ...values: Bindings): IterableIterator<Row> {
    return this.#statement(sql).iterate(...values) as IterableIterator<Row>
  }

  protected named(sql: string): string {
    return sql.replace(/\{([a-z_]+)\}/g, (_, name: string) => `"${this.#tablePrefix}${name}"`)
  }

  protected forget(): void {
    this.#statements.clear()
  }

  #statement(sql: string): Statement {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#prepare(this.named(sql))
      this.#statements.set(sql, statement)
    }
    return statement
  }
}
