import type { ReplayRecord } from '../model/replay.ts'

/** Step 7: how fast a replay may requeue. */

export interface AllowanceInput {
  replay: Pick<ReplayRecord, 'perSecond' | 'requeued' | 'createdAt'>
  /** When this process last took a step of it; null: never. */
  steppedAt: number | null
  now: number
  limitMax: number
}

/** A step covers this much time at the replay's rate, so that requeueing is smooth. */
const STEP_MS = 100

/**
 * Deliveries that may be requeued now, and when to ask again. Two bounds hold together: over all processes, what the rate has
 * brought since the replay was created; in this process, what it has brought since the last step, so that time in which no
 * process ran is not made up for.
 */
export function replayAllowance(input: AllowanceInput): { limit: number; nextAt: number } {
  const { replay, steppedAt, now, limitMax } = input
  if (replay.perSecond === null) return { limit: limitMax, nextAt: now }
  const perMs = replay.perSecond / 1_000
  const stepMs = Math.max(STEP_MS, 1 / perMs)
  const nextAt = now + stepMs
  if (steppedAt !== null && now >= steppedAt && now < steppedAt + stepMs)
    return { limit: 0, nextAt: steppedAt + stepMs }
  const everywhere = Math.floor((now - replay.createdAt) * perMs) + 1 - replay.requeued
  const limit = Math.min(Math.round(stepMs * perMs), everywhere, limitMax)
  return { limit: Math.max(0, limit), nextAt }
}
