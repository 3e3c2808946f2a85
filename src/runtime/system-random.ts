import { randomBytes } from 'node:crypto'
import type { Random } from '../ports/random.ts'

/** The operating system's randomness for bytes; for jitter, where nothing depends on secrecy, the engine's own. */
export function systemRandom(): Random {
  return { float: Math.random, bytes: (size) => new Uint8Array(randomBytes(size)) }
}
