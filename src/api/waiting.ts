import { integer, plainObject } from '../arguments.ts'
import { ArgumentError, WebhookError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import { abortable } from '../runtime/abortable.ts'

/** Waiting for what this process or another brings about, by looking again and again. Leaves no timer and no listener behind. */

export interface WaitOptions {
  /** Ends the waiting with `timed_out`, 1 ms to 1 day. Default 1 min. */
  timeoutMs?: number
  /** Ends the waiting, and nothing else, with the signal's reason. */
  signal?: AbortSignal
}

export interface CheckedWait {
  timeoutMs: number
  signal: AbortSignal | null
}

const DAY = 86_400_000
const PAUSE_MS = 250
const PAUSE_SHARE = 0.05
const LONGEST_PAUSE_MS = 5_000
const TIMEOUT_MS = { min: 1, max: DAY, default: 60_000 }

export function checkWait(value: unknown, path: string): CheckedWait {
  const { timeoutMs, signal } = plainObject(value, path, ['timeoutMs', 'signal'])
  return {
    timeoutMs: timeoutMs === undefined ? TIMEOUT_MS.default : integer(timeoutMs, `${path}.timeoutMs`, TIMEOUT_MS),
    signal: signal === undefined ? null : checkSignal(signal, `${path}.signal`),
  }
}

/** By what it can do: signals of other realms and of polyfills are of other classes. */
function checkSignal(value: unknown, path: string): AbortSignal {
  const signal = typeof value === 'object' && value !== null ? (value as Partial<AbortSignal>) : {}
  const methods = [signal.addEventListener, signal.removeEventListener, signal.throwIfAborted]
  if (typeof signal.aborted !== 'boolean' || methods.some((method) => typeof method !== 'function')) {
    throw new ArgumentError('argument_type', path, 'must be an AbortSignal')
  }
  return signal as AbortSignal
}

/** Sleeps until it is rung. A ring that comes while it is awake is remembered. */
export class Alarm {
  #rung = false
  #wake: (() => void) | null = null

  ring(): void {
    this.#rung = true
    this.#wake?.()
  }

  async sleep(clock: Clock, ms: number): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = clock.after(ms, resolve)
        this.#wake = () => {
          timer.cancel()
          resolve()
        }
      })
    }
    this.#wake = null
    this.#rung = false
  }
}

export interface Looking<T> {
  /** Undefined: not yet. */
  look: () => Promise<T | undefined>
  /** Between two looks at least, besides. */
  leastMs?: () => number
  /** Rung when there may be something to see. */
  alarm?: Alarm
}

/** What waiting needs of a sender. */
export interface Waiter {
  clock: Clock
  /** Aborted when the sender has stopped. */
  closed: AbortSignal
}

/** Looks until there is something to see, at least once. Throws `timed_out`, `stopped`, and the signal's reason. */
export async function waitFor<T>(core: Waiter, { timeoutMs, signal }: CheckedWait, looking: Looking<T>): Promise<T> {
  signal?.throwIfAborted()
  const { look, leastMs = () => 0, alarm = new Alarm() } = looking
  const over = new AbortController()
  const onAbort = () => over.abort(signal?.reason)
  const onClosed = () => over.abort(stoppedMeanwhile())
  signal?.addEventListener('abort', onAbort)
  core.closed.addEventListener('abort', onClosed)
  try {
    const began = core.clock.monotonic()
    for (;;) {
      const seen = await abortable(look(), over.signal)
      if (seen !== undefined) return seen
      const waited = core.clock.monotonic() - began
      if (waited >= timeoutMs) throw timedOut(timeoutMs)
      const pause = Math.max(pauseAfter(waited), leastMs())
      await abortable(alarm.sleep(core.clock, Math.min(pause, timeoutMs - waited)), over.signal)
    }
  } finally {
    // A sleep that was broken off ends with its timer.
    alarm.ring()
    signal?.removeEventListener('abort', onAbort)
    core.closed.removeEventListener('abort', onClosed)
  }
}

/** Who has waited for long can wait a little longer: a day is not to cost hundreds of thousands of looks. */
function pauseAfter(waitedMs: number): number {
  return Math.min(LONGEST_PAUSE_MS, Math.max(PAUSE_MS, waitedMs * PAUSE_SHARE))
}

function stoppedMeanwhile(): WebhookError {
  const message = 'the sender was stopped while this call was waiting: ask another sender over the same storage.'
  return new WebhookError('stopped', message)
}

function timedOut(timeoutMs: number): WebhookError {
  const message = `not done within ${timeoutMs} ms: it goes on all the same; wait again, or longer.`
  return new WebhookError('timed_out', message, { retryable: true })
}
