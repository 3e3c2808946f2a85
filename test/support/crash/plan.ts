import type { Load, Trap } from './messages.ts'

/** One life of the program: how it is loaded, and how it ends. */
export interface Life {
  /** What the figures call it. */
  point: string
  load: Load
  traps: Trap[]
  /** Killed from outside, so long after it was told to go; null: by its trap. */
  killAfterMs: number | null
}

interface Point extends Pick<Trap, 'on' | 'when'> {
  name: string
  lives: number
  /** The trap springs at one of the first so many calls. */
  within: number
  wide?: number
}

const POINTS: readonly Point[] = [
  { name: 'before accept', on: 'insertEvents', when: 'before', lives: 14, within: 6 },
  { name: 'after accept', on: 'insertEvents', when: 'after', lives: 16, within: 6 },
  { name: 'before fan-out', on: 'insertSlice', when: 'before', lives: 6, within: 2, wide: 1 },
  { name: 'after fan-out', on: 'insertSlice', when: 'after', lives: 6, within: 2, wide: 1 },
  { name: 'before claim', on: 'claimDue', when: 'before', lives: 12, within: 3 },
  { name: 'after claim', on: 'claimDue', when: 'after', lives: 18, within: 3 },
  { name: 'in flight', on: 'send', when: 'during', lives: 30, within: 12 },
  { name: 'answered', on: 'send', when: 'after', lives: 10, within: 12 },
  { name: 'before settle', on: 'settle', when: 'before', lives: 24, within: 5 },
  { name: 'after settle', on: 'settle', when: 'after', lives: 24, within: 5 },
]
const RANDOM_LIVES = 40
/** Whatever keeps a program from its trap: it ends all the same. */
const BURST = 9

/** 200 lives in random order, the same for the same seed. */
export function planLives(seed: number): Life[] {
  const random = mulberry(seed)
  const upTo = (max: number) => Math.floor(random() * max)
  const lives = POINTS.flatMap((point) => Array.from({ length: point.lives }, () => lifeAt(point, upTo)))
  for (let n = 0; n < RANDOM_LIVES; n++) {
    lives.push({ point: 'random', load: { burst: BURST, wide: 0 }, traps: [], killAfterMs: 5 + upTo(120) })
  }
  for (let n = lives.length - 1; n > 0; n--) {
    const other = upTo(n + 1)
    const life = lives[n] as Life
    lives[n] = lives[other] as Life
    lives[other] = life
  }
  return lives
}

function lifeAt({ name, on, when, within, wide = 0 }: Point, upTo: (max: number) => number): Life {
  const trap: Trap = { on, when, nth: 1 + upTo(within), fate: 'kill' }
  if (when === 'during') trap.afterMs = 1 + upTo(10)
  // Half of them die amid what the lives before left undone, half after some of it is done.
  if (wide === 0 && upTo(2) === 0) trap.armedAfter = upTo(30)
  return { point: name, load: { burst: BURST, wide }, traps: [trap], killAfterMs: null }
}

function mulberry(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
