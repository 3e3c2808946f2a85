import { createRequire } from 'node:module'
import { errorCode, WebhookError } from '../../errors.ts'

/** What SQLite takes and gives; integers come as numbers. */
export type Value = string | number | null | Uint8Array

/** The part of better-sqlite3 that is used, by shape: its types are no dependency of ours. */
export interface Statement {
  /** Runs it for its effect; `changes` counts rows, `lastInsertRowid` is the key of the last one. */
  run(...values: readonly unknown[]): { changes: number; lastInsertRowid: number | bigint }
  /** The first row; undefined: there is none. */
  get(...values: readonly unknown[]): unknown
  /** Every row. */
  all(...values: readonly unknown[]): unknown[]
  /** Row by row. */
  iterate(...values: readonly unknown[]): IterableIterator<unknown>
}

export interface Handle {
  readonly inTransaction: boolean
  prepare(sql: string): Statement
  exec(sql: string): unknown
  pragma(text: string, options: { simple: true }): unknown
  close(): unknown
}

export type Driver = new (path: string, options: { timeout: number }) => Handle

type Require = (name: string) => unknown

/** Loads better-sqlite3 when it is first needed, so that a host without it can import everything else. */
export function loadDriver(load: Require = requireFromHere(), nodeVersion = process.versions.node): Driver {
  const version = installedVersion(load)
  // These pairs take the whole process down, so that nothing could be caught: look before loading the binary.
  if (majorOf(version) === 13 && !isAtLeast(nodeVersion, 22, 14)) {
    throw new WebhookError(
      'driver_unsupported',
      `better-sqlite3 ${version} crashes on Node ${nodeVersion}. Install better-sqlite3@12, or use Node 22.14 or later.`,
    )
  }
  // Collecting its garbage aborts there (measured on Node 24.21; nodejs/node issue 65446, from 24.19 on).
  if (majorOf(version) === 12 && isAtLeast(nodeVersion, 24, 19)) {
    throw new WebhookError(
      'driver_unsupported',
      `better-sqlite3 ${version} aborts on Node ${nodeVersion}. Install better-sqlite3@13.`,
    )
  }
  try {
    return load('better-sqlite3') as Driver
  } catch (cause) {
    throw new WebhookError(
      'driver_unsupported',
      `better-sqlite3 ${version} is installed but does not load on Node ${nodeVersion}. Run: npm rebuild better-sqlite3`,
      { cause },
    )
  }
}

function installedVersion(load: Require): string {
  try {
    return (load('better-sqlite3/package.json') as { version: string }).version
  } catch (cause) {
    const missing = errorCode(cause) === 'MODULE_NOT_FOUND'
    throw new WebhookError(
      missing ? 'driver_missing' : 'driver_unsupported',
      missing
        ? 'The sqlite storage needs better-sqlite3, which is not installed. Run: npm install better-sqlite3@12'
        : 'The version of better-sqlite3 cannot be read. Run: npm install better-sqlite3@12',
      { cause },
    )
  }
}

function majorOf(version: string): number {
  return Number.parseInt(version, 10)
}

function isAtLeast(version: string, major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map(Number)
  return ownMajor > major || (ownMajor === major && ownMinor >= minor)
}

export function requireFromHere(): NodeJS.Require {
  // The CJS build has no import.meta.url, the ESM build no __filename of its own.
  return createRequire(import.meta.url ?? __filename)
}
