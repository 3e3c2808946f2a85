import type { ReplayRecord } from '../model/replay.ts'

/** Step 7: how fast a replay may requeue. */

/** What one process has seen of a replay that has a rate. */
export interface Pace {
  /** When it looked. */
  at: number
  /** What all processes together had requeued by then. */
  requeued: number
  /** Deliveries that the rate still allowed then; less than 0: others took more at the same moment, which is waited for. */
  room: number
}

export interface AllowanceInput {
  replay: Pick<ReplayRecord, 'perSecond' | 'requeued' | 'createdAt'>
  /** What this process saw when it last looked; null: it has not looked yet. */
  seen: Pace | null
  now: number
  limitMax: number
}

export interface Allowance {
  /** Deliveries that may be requeued now. */
  limit: number
  /** When to ask again if nothing is requeued now. */
  nextAt: number
  /** Null: it has no rate. */
  pace: Pace | null
}

/** A step covers this much time at the replay's rate, or what one delivery takes, so that requeueing is smooth. */
const STEP_MS = 100

/**
 * The stored count is what all processes share: each lets the rate fill its room by one step at most, and takes from it whatever
 * any of them requeued. So time in which nobody ran is not made up for, several processes keep to the one rate, and only those
 * that look at the same moment may be a step each ahead of it, which they wait for afterwards.
 */
export function replayAllowance({ replay, seen, now, limitMax }: AllowanceInput): Allowance {
  if (replay.perSecond === null) return { limit: limitMax, nextAt: now, pace: null }
  const { requeued } = replay
  const perMs = replay.perSecond / 1_000
  const step = Math.ceil(perMs * STEP_MS)
  const gained = seen === null ? step : Math.max(0, now - seen.at) * perMs + seen.room - (requeued - seen.requeued)
  const room = Math.min(step, gained)
  // A process that has only begun has seen nothing of the others: neither may it pass what the rate ever brought.
  const free = Math.min(room, (now - replay.createdAt) * perMs + 1 - requeued)
  const enough = requeued === 0 ? 1 : Math.min(step, limitMax)
  const whole = Math.floor(free + 1e-6)
  const limit = whole < enough ? 0 : Math.min(whole, limitMax)
  return { limit, nextAt: nextAt(now, enough - free, perMs), pace: { at: now, requeued, room } }
}

/** After a step that requeued something: when to ask again. */
export function afterStep(perSecond: number, pace: Pace, requeued: number, limitMax: number): number {
  const perMs = perSecond / 1_000
  const room = pace.room - (requeued - pace.requeued)
  return nextAt(pace.at, Math.min(Math.ceil(perMs * STEP_MS), limitMax) - room, perMs)
}

const nextAt = (now: number, lacking: number, perMs: number): number =>
  lacking <= 1e-6 ? now : Math.ceil(now + lacking / perMs)
