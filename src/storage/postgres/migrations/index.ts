import { initial } from './0001-initial.ts'
import type { Migration } from './migration.ts'

/** In order, without a gap. A released one is never changed. */
export const MIGRATIONS: readonly Migration[] = [initial]
