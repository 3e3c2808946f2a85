import { getEventListeners } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import type { ReplayProgress } from '../../../src/api/replay-run.ts'
import { quiet, type Rig, rig, stopAll, through, URL_OK } from '../engine/rig.ts'

afterEach(stopAll)

/** A sender with `count` failed deliveries, whose endpoint is well again, and a replay of them. */
async function replaying(count: number, options: { perSecond?: number } = {}) {
  const made = rig({ retry: { delaysMs: [] }, disable: false })
  await made.sender.endpoints.create({ url: URL_OK })
  made.transport.reply(500)
  for (let index = 0; index < count; index++) await made.sender.send({ type: 'a', data: index })
  await made.sender.drain()
  made.transport.reply(200)
  return { ...made, run: await made.sender.replay({ state: 'failed' }, options) }
}

/** All that an iteration yields, and whether it has ended. */
function followed(progress: AsyncIterable<ReplayProgress>) {
  const seen = { figures: [] as ReplayProgress[], ended: false, error: undefined as unknown }
  const following = async () => {
    for await (const one of progress) seen.figures.push(one)
  }
  following().then(
    () => {
      seen.ended = true
    },
    (error) => {
      seen.error = error
    },
  )
  return seen
}

const pause = async ({ sender }: Rig) => {
  const [endpoint] = (await sender.endpoints.list()).items
  await sender.endpoints.pause(endpoint?.id ?? '')
}

describe('progress', () => {
  it('tells again and again until the end', async () => {
    const made = await replaying(3)
    const seen = followed(made.run.progress())
    await quiet()
    expect(seen.figures).toEqual([
      { state: 'running', total: 3, requeued: 0, skipped: 0, delivered: 0, failed: 0, canceled: 0 },
    ])
    made.clock.advanceBy(250)
    await quiet()
    expect(seen.figures).toHaveLength(2)
    await made.sender.start()
    await quiet()
    made.clock.advanceBy(250)
    await quiet()
    expect(seen.figures.at(-1)).toMatchObject({ state: 'completed', requeued: 3, delivered: 3 })
    expect(seen.ended).toBe(true)
  })

  it('goes on while what was requeued is held', async () => {
    const made = await replaying(1)
    await pause(made)
    await made.sender.drain()
    const seen = followed(made.run.progress())
    for (let times = 0; times < 10; times++) {
      made.clock.advanceBy(250)
      await quiet(5)
    }
    expect(seen.ended).toBe(false)
    expect(seen.figures.at(-1)).toMatchObject({ state: 'completed', requeued: 1, delivered: 0 })
  })

  it('ends when the replay is canceled, whatever is still on its way', async () => {
    const made = await replaying(3, { perSecond: 1 })
    await pause(made)
    await made.sender.drain()
    const seen = followed(made.run.progress())
    await quiet()
    await made.run.cancel()
    made.clock.advanceBy(250)
    await quiet()
    expect(seen.ended).toBe(true)
    expect(seen.figures.at(-1)).toMatchObject({ state: 'canceled', requeued: 1, delivered: 0 })
  })

  it('ends by stop at once, without an error, a timer or a listener', async () => {
    const made = await replaying(3, { perSecond: 1 })
    const seen = followed(made.run.progress())
    await quiet()
    await made.sender.stop()
    await quiet()
    expect(seen).toMatchObject({ ended: true, error: undefined })
    expect(seen.figures.at(-1)).toMatchObject({ state: 'running' })
    expect(made.clock.nextTimerAt()).toBeNull()
  })

  it('ends by stop in the midst of a look', async () => {
    const made = await replaying(3, { perSecond: 1 })
    const seen = followed(made.run.progress())
    await quiet()
    let answer = () => {}
    made.storage.tamper('getReplay', async (call) => {
      await new Promise<void>((resolve) => (answer = resolve))
      return call()
    })
    made.clock.advanceBy(250)
    await quiet()
    const stopped = made.sender.stop()
    await quiet()
    answer()
    await stopped
    await quiet()
    expect(seen).toMatchObject({ ended: true, error: undefined })
  })

  it('ends by return at once, even while it sleeps, and leaves no timer', async () => {
    const made = await replaying(3, { perSecond: 1 })
    const iterator = made.run.progress()[Symbol.asyncIterator]()
    expect(await iterator.next()).toMatchObject({ done: false, value: { requeued: 0 } })
    const sleeping = iterator.next()
    await quiet()
    expect(made.clock.nextTimerAt()).not.toBeNull()
    expect(await iterator.return?.()).toEqual({ done: true, value: undefined })
    expect(await sleeping).toEqual({ done: true, value: undefined })
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
    expect(made.clock.nextTimerAt()).toBeNull()
  })

  it('ends by a break, and begins anew each time it is iterated', async () => {
    const made = await replaying(3, { perSecond: 1 })
    const progress = made.run.progress()
    for (let times = 0; times < 3; times++) {
      for await (const { state } of progress) {
        expect(state).toBe('running')
        break
      }
    }
    const untouched = progress[Symbol.asyncIterator]()
    expect(await untouched.return?.()).toEqual({ done: true, value: undefined })
    expect(made.clock.nextTimerAt()).toBeNull()
  })

  it('of a replay that retention removed meanwhile says that it is not there', async () => {
    const made = await replaying(3, { perSecond: 1 })
    const seen = followed(made.run.progress())
    await quiet()
    made.storage.tamper('getReplay', async () => null)
    made.clock.advanceBy(250)
    await quiet()
    expect(seen.error).toMatchObject({ code: 'replay_not_found' })
    await expect(made.run.wait()).rejects.toMatchObject({ code: 'replay_not_found' })
    await expect(made.run.cancel()).resolves.toMatchObject({ state: 'canceled' })
  })
})

describe('wait', () => {
  it('ends when all rest, and times out retryable before that', async () => {
    const made = await replaying(1)
    const late = made.run.wait({ timeoutMs: 700 }).catch((error: Error) => error)
    expect(await through(made.clock, late)).toMatchObject({ code: 'timed_out', retryable: true })
    expect(made.clock.monotonic()).toBe(700)
    const waiting = made.run.wait()
    await made.sender.start()
    expect(await through(made.clock, waiting)).toMatchObject({ id: made.run.id, delivered: 1 })
  })

  it('goes on after a cancel until what was requeued rests', async () => {
    const made = await replaying(3, { perSecond: 1 })
    await made.sender.drain()
    await made.run.cancel()
    expect(await made.run.wait()).toMatchObject({ state: 'canceled', requeued: 1, delivered: 1 })
  })

  it('ends with stopped, at once, when the sender is stopped meanwhile', async () => {
    const made = await replaying(1)
    const waiting = made.run.wait().catch((error: Error) => error)
    await quiet()
    await made.sender.stop()
    expect(await waiting).toMatchObject({ code: 'stopped' })
    expect(made.clock.nextTimerAt()).toBeNull()
  })

  it('ends by its signal, and leaves no listener and no timer', async () => {
    const made = await replaying(1)
    const abort = new AbortController()
    const waiting = made.run.wait({ signal: abort.signal }).catch((error: Error) => error)
    await quiet()
    abort.abort(new Error('enough'))
    expect(await waiting).toMatchObject({ message: 'enough' })
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0)
    expect(made.clock.nextTimerAt()).toBeNull()
    await expect(made.run.wait({ signal: abort.signal })).rejects.toThrow('enough')
  })
})
