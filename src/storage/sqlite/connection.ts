import { accessSync, constants, existsSync } from 'node:fs'
import { WebhookError } from '../../errors.ts'
import type { Driver, Handle } from './driver.ts'
import { failureOf } from './failures.ts'
import { IN_MEMORY, type Settings } from './options.ts'
import { Statements } from './statements.ts'

/** Waiting for another writer blocks the host's event loop: only so long; then the engine tries again asynchronously. */
const BUSY_TIMEOUT_MS = 10

/** After a burst the write-ahead log is cut back to this. */
const WAL_KEPT_BYTES = 16 * 1024 * 1024

const SYNCHRONOUS_FULL = 2

/** A connection of our own to the SQLite file. */
export class Connection extends Statements {
  readonly #handle: Handle
  readonly #path: string

  private constructor(handle: Handle, { path, tablePrefix }: Settings) {
    super((sql) => handle.prepare(sql), tablePrefix)
    this.#handle = handle
    this.#path = path
  }

  static open(Driver: Driver, settings: Settings): Connection {
    const { path } = settings
    if (existsSync(path)) assertWritable(path)
    let handle: Handle | undefined
    try {
      handle = new Driver(path, { timeout: BUSY_TIMEOUT_MS })
      configure(handle, path)
      return new Connection(handle, settings)
    } catch (error) {
      handle?.close()
      throw openFailure(error, path)
    }
  }

  get path(): string {
    return this.#path
  }

  /** Several statements at once, for migrations. */
  script(sql: string): void {
    this.#handle.exec(this.named(sql))
  }

  /** All of `work` or none of it. Takes the lock for writing at once: a read that turns into a write can fail half-way. */
  write<T>(work: () => T): T {
    return this.#transaction('BEGIN IMMEDIATE', work)
  }

  /** One state of the database for all reads of `work`. */
  read<T>(work: () => T): T {
    return this.#transaction('BEGIN', work)
  }

  close(): void {
    this.forget()
    this.#handle.close()
  }

  #transaction<T>(begin: string, work: () => T): T {
    try {
      this.run(begin)
      const result = work()
      this.run('COMMIT')
      return result
    } catch (error) {
      // SQLite itself has rolled back after some failures, such as a full disk.
      if (this.#handle.inTransaction) this.run('ROLLBACK')
      throw failureOf(error, this.path)
    }
  }
}

function configure(handle: Handle, path: string): void {
  const mode = handle.pragma('journal_mode = WAL', { simple: true })
  if (mode !== 'wal' && path !== IN_MEMORY) {
    throw new WebhookError(
      'storage_unavailable',
      `SQLite file ${path}: its file system cannot hold a write-ahead log. Put it on a local disk.`,
    )
  }
  // Each connection begins at NORMAL, which may lose the last commits in a power cut.
  handle.pragma('synchronous = FULL', { simple: true })
  if (handle.pragma('synchronous', { simple: true }) !== SYNCHRONOUS_FULL) {
    throw new WebhookError(
      'storage_unavailable',
      `SQLite file ${path}: synchronous=FULL was refused. Use a stock driver.`,
    )
  }
  handle.pragma('foreign_keys = OFF', { simple: true })
  handle.pragma(`journal_size_limit = ${WAL_KEPT_BYTES}`, { simple: true })
}

function assertWritable(path: string): void {
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
  } catch (cause) {
    throw new WebhookError(
      'storage_read_only',
      `SQLite file ${path}: this process may not write to it. Give it the right to, or give another path.`,
      { cause },
    )
  }
}

/** The driver refuses a missing folder with a TypeError of its own. */
function openFailure(error: unknown, path: string): unknown {
  if (!(error instanceof TypeError)) return failureOf(error, path)
  return new WebhookError(
    'storage_unavailable',
    `SQLite file ${path}: its folder is missing. Make it, then call again.`,
    {
      cause: error,
    },
  )
}
