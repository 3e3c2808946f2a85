import type { Random } from '../ports/random.ts'

/** The same chance for the same seed: the mulberry32 generator. For tests only: its bytes are no secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const float = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return { float, bytes: (size) => Uint8Array.from({ length: size }, () => Math.floor(float() * 256)) }
}
