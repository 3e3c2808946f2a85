import type { Chance } from './chance.ts'

/** What befalls one call to storage. */
export type StorageFault =
  | 'none'
  /** Refused before anything was done. */
  | 'busy'
  /** The connection broke before anything was done. */
  | 'unavailable'
  /** Done, but the answer is a broken connection. */
  | 'doubtful'
  /** Writes fail, reads do not. */
  | 'full'
  /** Writes fail, and trying again is of no use. */
  | 'readOnly'
  /** It waits before it is done, or its answer comes late. */
  | 'slowBefore'
  | 'slowAfter'
  /** The process dies just before, or just after the commit. */
  | 'crashBefore'
  | 'crashAfter'

export type Burst = 'busy' | 'broken' | 'full' | 'readOnly' | 'slow' | 'lateLeases' | 'lateVerdicts' | 'mixed'

export const BURSTS: readonly Burst[] = [
  'busy',
  'broken',
  'full',
  'readOnly',
  'slow',
  'lateLeases',
  'lateVerdicts',
  'mixed',
]

const FAULTS: Record<Burst, readonly StorageFault[]> = {
  busy: ['busy'],
  broken: ['unavailable', 'doubtful'],
  full: ['full'],
  readOnly: ['readOnly'],
  slow: ['slowBefore', 'slowAfter'],
  lateLeases: ['slowAfter'],
  lateVerdicts: ['slowBefore'],
  mixed: ['busy', 'unavailable', 'doubtful', 'doubtful', 'full', 'readOnly', 'slowBefore', 'slowAfter'],
}

/** Some bursts befall a few methods alone: meanwhile other calls may change what these are about. */
function isOf(kind: Burst, method: string): boolean {
  if (kind === 'lateLeases') return method === 'insertEvents' || method === 'claimDue'
  return kind !== 'lateVerdicts' || method === 'changeEndpointState'
}

/** The state of the shared storage, as one process meets it: calm, but for bursts. */
export class StorageFaults {
  readonly #chance: Chance
  #burst: { kind: Burst; share: number; until: number } | null = null
  #healedAt: number | null = null

  constructor(chance: Chance) {
    this.#chance = chance
  }

  burst(kind: Burst, share: number, until: number): void {
    this.#burst = { kind, share, until }
  }

  heal(now: number): void {
    this.#healedAt = now
  }

  /** Whether nothing was wrong for so long. */
  healedFor(ms: number, now: number): boolean {
    return this.#healedAt !== null && now - this.#healedAt > ms
  }

  draw(method: string, now: number): StorageFault {
    if (this.#healedAt !== null || this.#burst === null) return 'none'
    if (now >= this.#burst.until) this.#burst = null
    if (this.#burst === null || !isOf(this.#burst.kind, method) || !this.#chance.of(this.#burst.share)) return 'none'
    return this.#chance.pick(FAULTS[this.#burst.kind])
  }

  /** How long a slow call takes: mostly short, sometimes longer than a lease. */
  delayMs(): number {
    return this.#chance.of(0.9) ? this.#chance.int(1, 500) : this.#chance.int(500, 40_000)
  }
}
