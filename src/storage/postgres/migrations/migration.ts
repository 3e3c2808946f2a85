export interface Migration {
  /** The schema's version after it. */
  version: number
  sql: string
}
