import type { Client } from '../clients.ts'
import type { Post } from './post.ts'

/**
 * The job that all do: enqueue so many payloads of 1 KB durably, then for each sign it, POST it and complete it. In one process, so
 * many at a time.
 */

export const JOBS = 5_000
export const IN_FLIGHT = 256
/** As many are enqueued by one call where there is a call for many; hookferry has none, and gets as many `send`s at a time. */
export const BATCH = 1_000

export interface Contestant {
  name: string
  /** What it stands on, and the setting that a reader has to know. */
  setting: string
  /** An empty queue, on a store that is running. */
  open(job: Job): Promise<Queue>
}

export interface Job {
  url: string
  client: Client
  /** Signs and posts with that client: for those that bring no way of their own to do so. */
  post: Post
  /** For the files of this run. */
  folder: string
}

export interface Queue {
  /** Resolves once all jobs are on stable storage. */
  enqueue(): Promise<void>
  /** Resolves once all jobs are completed in the store. */
  deliver(): Promise<void>
  close(): Promise<void>
}

/** For one batch after the other: how many it has. */
export function batches(): number[] {
  return Array.from({ length: JOBS / BATCH }, () => BATCH)
}

/** Resolves at its `JOBS`th call. */
export function countdown(): { done: Promise<void>; count(): void; fail(error: Error): void } {
  let left = JOBS
  let [resolve, reject]: [() => void, (error: Error) => void] = [() => {}, () => {}]
  const done = new Promise<void>((onDone, onFailed) => {
    resolve = onDone
    reject = onFailed
  })
  const count = () => {
    if (--left === 0) resolve()
  }
  return { done, count, fail: reject }
}
