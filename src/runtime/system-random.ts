import { randomBytes, randomFillSync } from 'node:crypto'
import type { Random } from '../ports/random.ts'

/** A call of the operating system's costs as much for a few bytes as for many: ids share one. */
const POOL_BYTES = 4_096
/** Above it, such as for secrets, nothing is kept of what is handed out, nor made ahead. */
const POOLED_MAX = 16

/** The operating system's randomness for bytes; for jitter, where nothing depends on secrecy, the engine's own. */
export function systemRandom(): Random {
  const pool = new Uint8Array(POOL_BYTES)
  let used = POOL_BYTES
  return {
    float: Math.random,
    bytes(size) {
      if (size > POOLED_MAX) return new Uint8Array(randomBytes(size))
      if (used + size > POOL_BYTES) {
        randomFillSync(pool)
        used = 0
      }
      used += size
      return pool.slice(used - size, used)
    },
  }
}
