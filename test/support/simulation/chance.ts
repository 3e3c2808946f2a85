import type { Random } from '../../../src/ports/random.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'

/** What a seed decides. Each use has a stream of its own, so that a new use does not change what the others draw. */
export class Chance {
  readonly random: Random

  constructor(seed: number, stream: number) {
    this.random = seededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b))
    // The first draws of neighbouring seeds are alike.
    this.random.bytes(4)
  }

  /** True with this probability. */
  of(probability: number): boolean {
    return this.random.float() < probability
  }

  /** From `min` to `max`, both included. */
  int(min: number, max: number): number {
    return min + Math.floor(this.random.float() * (max - min + 1))
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.random.float() * items.length)] as T
  }

  /** One of the keys, by their weights. */
  weighted<K extends string>(weights: Record<K, number>): K {
    const entries = Object.entries(weights) as [K, number][]
    let rest = this.random.float() * entries.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [key, weight] of entries) {
      rest -= weight
      if (rest < 0) return key
    }
    return entries[0]![0]
  }
}
