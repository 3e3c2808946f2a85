import type { Clock, ManualClock, Timer } from '../../../src/ports/clock.ts'

/** The clock of one simulated machine: its wall clock may be set, its monotonic clock and timers follow the true time. */
export class MachineTime {
  readonly world: ManualClock
  offsetMs = 0
  /** True moments at which the wall clock was set. */
  readonly #jumps: number[] = []

  constructor(world: ManualClock) {
    this.world = world
  }

  now(): number {
    return Math.floor(this.world.now()) + this.offsetMs
  }

  jump(ms: number): void {
    this.offsetMs += ms
    this.#jumps.push(this.world.monotonic())
  }

  /** Whether the wall clock was set since that moment of `world.monotonic()`. */
  jumpedSince(moment: number): boolean {
    const last = this.#jumps.at(-1)
    return last !== undefined && last >= moment
  }
}

/** The clock that one process sees. When the process dies, its timers are dropped. */
export class ProcessClock implements Clock {
  readonly #machine: MachineTime
  readonly #timers = new Set<Timer>()
  readonly #started: number
  #dead = false

  constructor(machine: MachineTime) {
    this.#machine = machine
    this.#started = machine.world.monotonic()
  }

  now(): number {
    return this.#machine.now()
  }

  monotonic(): number {
    return this.#machine.world.monotonic() - this.#started
  }

  after(ms: number, fn: () => void): Timer {
    if (this.#dead) return { cancel() {} }
    const timer = this.#machine.world.after(ms, () => {
      this.#timers.delete(timer)
      fn()
    })
    this.#timers.add(timer)
    return {
      cancel: () => {
        this.#timers.delete(timer)
        timer.cancel()
      },
    }
  }

  /** Timers that have not fired yet. */
  get pending(): number {
    return this.#timers.size
  }

  die(): void {
    this.#dead = true
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
  }
}

/** What a crashed process gets for an answer. */
export function never<T>(): Promise<T> {
  return new Promise(() => {})
}
