import { createRequire } from 'node:module'

interface Handle {
  pragma(text: string): unknown
}

const DRIVER = 'better-sqlite3'
/** Lifts the limit: the most that SQLite takes. */
const UNLIMITED = 4_294_967_294

/**
 * SQLite itself can refuse to let a database grow, with the very error of a full disk, but only by a word to each connection, and
 * that of a storage is its own. So the driver is replaced by one that limits each handle it opens. Returns what lifts the limit.
 */
export function limitPages(max: number | undefined): () => void {
  if (max === undefined) return () => {}
  const require = createRequire(import.meta.url)
  const Driver = require(DRIVER) as new (...args: unknown[]) => Handle
  const handles: Handle[] = []
  const Limited = new Proxy(Driver, {
    construct(target, args) {
      const handle = new target(...args)
      handle.pragma(`max_page_count = ${max}`)
      handles.push(handle)
      return handle
    },
  })
  const cached = require.cache[require.resolve(DRIVER)]
  if (cached !== undefined) cached.exports = Limited
  return () => {
    for (const handle of handles) handle.pragma(`max_page_count = ${UNLIMITED}`)
  }
}
