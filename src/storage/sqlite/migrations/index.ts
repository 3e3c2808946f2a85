import { initial } from './0001-initial.ts'

export interface Migration {
  /** The schema's version after it. */
  version: number
  sql: string
}

/** In order, without a gap. A released one is never changed. */
export const MIGRATIONS: readonly Migration[] = [initial]
