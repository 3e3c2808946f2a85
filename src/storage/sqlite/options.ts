import { resolve } from 'node:path'
import { ArgumentError } from '../../errors.ts'

/** What `sqlite` takes. */
export interface SqliteOptions {
  /** The database file; it is made when missing, its folder is not. `:memory:` keeps all in memory, until it is closed. */
  path: string
  /** Begins the name of each table and index, so that the file may hold the host's own tables too. Default `hookferry_`. */
  tablePrefix?: string
  /**
   * Whether the database is worked on in a thread of its own (`node:worker_threads`), so that neither a commit that waits for the disk
   * nor a long read holds up the host's event loop. What `sendIn` writes stays in the host's thread, on its own handle. Default false.
   * Refused with `:memory:`, where nothing waits for a disk. In a bundle, `hookferry` has to be external: `storage_unavailable` otherwise.
   */
  thread?: boolean
}

export interface Settings {
  path: string
  tablePrefix: string
  thread: boolean
}

/** As a path: no file at all. */
export const IN_MEMORY = ':memory:'

const DEFAULT_PREFIX = 'hookferry_'
const PREFIX_PATTERN = /^(?!sqlite_)[a-z_][a-z0-9_]{0,39}$/i

export function settingsOf(options: SqliteOptions): Settings {
  if (typeof options !== 'object' || options === null) {
    throw new ArgumentError('argument_type', 'sqlite', "give an object, such as { path: 'webhooks.db' }")
  }
  const { path, tablePrefix = DEFAULT_PREFIX, thread = false, ...unknown } = options
  const [extra] = Object.keys(unknown)
  if (extra !== undefined) throw new ArgumentError('argument_unknown', `sqlite.${extra}`, 'there is no such option')
  if (typeof path !== 'string') throw new ArgumentError('argument_type', 'sqlite.path', 'give the path of a file')
  if (path === '' || path.includes('\0')) {
    throw new ArgumentError('argument_invalid', 'sqlite.path', 'give the path of a file, or :memory:')
  }
  if (typeof tablePrefix !== 'string' || !PREFIX_PATTERN.test(tablePrefix)) {
    throw new ArgumentError(
      'argument_invalid',
      'sqlite.tablePrefix',
      'begin with a letter or _, then letters, digits and _, 40 characters at most, not sqlite_',
    )
  }
  if (typeof thread !== 'boolean') throw new ArgumentError('argument_type', 'sqlite.thread', 'give true or false')
  if (thread && path === IN_MEMORY) {
    throw new ArgumentError('argument_invalid', 'sqlite.thread', 'leave it out with :memory:, which waits for no disk')
  }
  // Resolved now: a later change of the working folder must not open another file.
  return { path: path === IN_MEMORY ? path : resolve(path), tablePrefix, thread }
}
