import { createRequire } from 'node:module'

interface Handle {
  pragma(text: string): unknown
}

const PATH = 'better-sqlite3'
/** Lifts the limit: the most that SQLite knows. */
const UNLIMITED = 4_294_967_294

/**
 * SQLite itself can refuse to let a database grow, with the very error of a full disk, but only by a word to each connection, and
 * that of a storage is its own. So the driver is replaced by one that passes the limit on to each handle it opens.
 */
export function limitPages(max: number | undefined): (max: number) => void {
  if (max === undefined) return () => {}
  const require = createRequire(import.meta.url)
  const Driver = require(PATH) as new (...args: unknown[]) => Handle
  const handles: Handle[] = []
  const limit = (pages: number) => {
    for (const handle of handles) handle.pragma(`max_page_count = ${pages === 0 ? UNLIMITED : pages}`)
  }
  const Limited = new Proxy(Driver, {
    construct(target, args) {
      const handle = new target(...args)
      handles.push(handle)
      limit(max)
      return handle
    },
  })
  const cached = require.cache[require.resolve(PATH)]
  if (cached !== undefined) cached.exports = Limited
  return limit
}
