import { integer, string } from '../arguments.ts'
import { ArgumentError } from '../errors.ts'
import type { Page, PageInput, Position } from '../ports/storage.ts'

/** Pages of lists: `{ limit, cursor }` in, `{ items, nextCursor }` out. */

/** How much of a list, and from where. */
export interface PageOptions {
  /** Items at most, 1 to 200. Default 50. */
  limit?: number
  /** `nextCursor` of the page before, with the same filters. Null, and left out: from the beginning. */
  cursor?: string | null
}

/** One page of a list. */
export interface Listed<T> {
  /** In the order of the list; at most `limit`. */
  items: T[]
  /** Null: this was the last page. A page may be short, or empty, while there is one. */
  nextCursor: string | null
}

/** Rows that a page looks at, at most, however few of them match: with cold pages around 10 ms of the host's thread. */
const EXAMINE_MAX = 1_000

/**
 * Reads limit and cursor. `kind` and `filters` are part of a cursor, so that one of another list or another filter is refused
 * instead of silently skipping rows.
 */
export function pageInput(input: Record<string, unknown>, path: string, kind: string, filters: unknown): PageInput {
  const limit = input.limit === undefined ? 50 : integer(input.limit, `${path}.limit`, { min: 1, max: 200 })
  const { cursor = null } = input
  const after = cursor === null ? null : readCursor(cursor, `${path}.cursor`, kind, filters)
  return { limit, examine: EXAMINE_MAX, after }
}

export function listed<R, T>(page: Page<R>, kind: string, filters: unknown, present: (record: R) => T): Listed<T> {
  return {
    // An array of this realm: under Jest, what comes from a storage's thread is of another, and `map` would keep to that.
    items: Array.from(page.items, present),
    nextCursor: page.next === null ? null : writeCursor(page.next, kind, filters),
  }
}

function writeCursor({ at, key }: Position, kind: string, filters: unknown): string {
  return Buffer.from(JSON.stringify([kind, fingerprint(filters), at, key])).toString('base64url')
}

function readCursor(value: unknown, path: string, kind: string, filters: unknown): Position {
  const text = string(value, path, { min: 1, max: 512 })
  const parts = parse(text)
  if (
    !Array.isArray(parts) ||
    parts.length !== 4 ||
    !Number.isSafeInteger(parts[2]) ||
    !Number.isSafeInteger(parts[3])
  ) {
    throw new ArgumentError('cursor_invalid', path, 'is not a cursor of ours: pass nextCursor as it came')
  }
  if (parts[0] !== kind || parts[1] !== fingerprint(filters)) {
    throw new ArgumentError('cursor_invalid', path, 'belongs to another list or other filters: begin without a cursor')
  }
  return { at: parts[2], key: parts[3] }
}

function parse(text: string): unknown {
  const bytes = Buffer.from(text, 'base64url')
  // Node's decoder passes over what is not base64.
  if (bytes.toString('base64url') !== text) return null
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return null
  }
}

/** FNV-1a of the filters: tells different filters apart, and needs no more than that. */
function fingerprint(filters: unknown): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(JSON.stringify(filters))) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0
  return hash
}
