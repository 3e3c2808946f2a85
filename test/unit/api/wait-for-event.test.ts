import { getEventListeners } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { memory } from '../../../src/storage/memory/index.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { quiet, type Rig, rig, stopAll, through, URL_OK } from '../engine/rig.ts'

afterEach(stopAll)

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const event = { type: 'a', data: 1 }

async function withEndpoints(count: number, options: Parameters<typeof rig>[0] = {}): Promise<Rig> {
  const made = rig(options)
  for (let index = 0; index < count; index++) await made.sender.endpoints.create({ url: `${URL_OK}/${index}` })
  return made
}

/** What a promise has come to by now: `undefined` while it has not. */
function watched<T>(promise: Promise<T>): { outcome: unknown } {
  const seen: { outcome: unknown } = { outcome: undefined }
  promise.then(
    (answer) => {
      seen.outcome = answer
    },
    (error) => {
      seen.outcome = error
    },
  )
  return seen
}

const looks = ({ storage }: Rig) => storage.calls.get('eventProgress') ?? 0

describe('waiting for an event', () => {
  it('is over at once when everything rests', async () => {
    const made = await withEndpoints(2)
    const { id } = await made.sender.send(event)
    await made.sender.drain()
    expect(await made.sender.events.wait(id)).toEqual({ pending: 0, delivered: 2, failed: 0, canceled: 0 })
    const { id: nobody } = await made.sender.forTenant('other').send(event)
    expect(await made.sender.events.wait(nobody)).toEqual({ pending: 0, delivered: 0, failed: 0, canceled: 0 })
  })

  it('tells how each delivery ended', async () => {
    const made = await withEndpoints(3, { retry: { delaysMs: [] } })
    const { items } = await made.sender.endpoints.list()
    await made.sender.endpoints.pause(items[2]?.id ?? '')
    made.transport.reply(({ url }) => (url.endsWith('/1') ? 500 : 200))
    const { id } = await made.sender.send(event)
    await made.sender.drain()
    const waiting = watched(made.sender.events.wait(id))
    await quiet()
    expect(waiting.outcome).toBeUndefined()
    await made.sender.events.cancel(id)
    await quiet()
    expect(waiting.outcome).toEqual({ pending: 0, delivered: 1, failed: 1, canceled: 1 })
  })

  it('ends with the last settlement of this process, and looks no more often than that takes', async () => {
    const made = await withEndpoints(3)
    made.transport.reply(({ url }) => ({ status: 200, delayMs: url.endsWith('/2') ? 120 : 40 }))
    await made.sender.start()
    const { id } = await made.sender.send(event)
    const waiting = watched(made.sender.events.wait(id))
    await quiet()
    made.clock.advanceBy(119)
    await quiet()
    expect(waiting.outcome).toBeUndefined()
    expect(looks(made)).toBe(1)
    made.clock.advanceBy(1)
    await quiet()
    expect(waiting.outcome).toEqual({ pending: 0, delivered: 3, failed: 0, canceled: 0 })
    expect(looks(made)).toBe(2)
  })

  it('is not over between two attempts', async () => {
    const made = await withEndpoints(1, { retry: { delaysMs: [1_000], jitter: 0 } })
    made.transport.reply((_, index) => (index === 0 ? 500 : 200))
    await made.sender.start()
    const { id } = await made.sender.send(event)
    const waiting = watched(made.sender.events.wait(id))
    await quiet()
    expect(waiting.outcome).toBeUndefined()
    await through(made.clock, made.sender.events.wait(id))
    await quiet()
    expect(waiting.outcome).toMatchObject({ delivered: 1 })
    expect(made.clock.monotonic()).toBe(1_000)
  })

  it('is not over while deliveries are being written', async () => {
    const made = await withEndpoints(300)
    const { id } = await made.sender.send(event)
    const waiting = watched(made.sender.events.wait(id))
    await quiet()
    expect(waiting.outcome).toBeUndefined()
    await made.sender.drain()
    made.clock.advanceBy(250)
    await quiet()
    expect(waiting.outcome).toMatchObject({ delivered: 300 })
  })

  it('sees what another process brings about within a quarter of a second', async () => {
    const storage = memory()
    const made = await withEndpoints(1, { storage })
    const other = rig({ storage, runtime: { random: seededRandom(7) } })
    const { id } = await made.sender.send(event)
    const waiting = watched(made.sender.events.wait(id))
    await quiet()
    await other.sender.drain()
    made.clock.advanceBy(249)
    await quiet()
    expect(waiting.outcome).toBeUndefined()
    made.clock.advanceBy(1)
    await quiet()
    expect(waiting.outcome).toMatchObject({ delivered: 1 })
  })

  it('sees what came to rest between its look and the answer', async () => {
    const made = await withEndpoints(1)
    made.transport.reply({ status: 200, delayMs: 10 })
    await made.sender.start()
    const { id } = await made.sender.send(event)
    let answer = () => {}
    made.storage.tamper('eventProgress', async (call) => {
      const progress = await call()
      if (looks(made) === 1) await new Promise<void>((resolve) => (answer = resolve))
      return progress
    })
    const waiting = watched(made.sender.events.wait(id))
    await quiet()
    made.clock.advanceBy(10)
    await quiet()
    answer()
    await quiet()
    expect(waiting.outcome).toMatchObject({ delivered: 1 })
  })

  it('goes on, without spinning, when a replay begins as the last delivery comes to rest', async () => {
    const made = await withEndpoints(1)
    made.transport.reply({ status: 200, delayMs: 10 })
    await made.sender.start()
    const { id } = await made.sender.send(event)
    made.storage.tamper('eventProgress', async (call) => {
      const progress = (await call()) as object
      const replayed = { open: 1, delivered: 0, failed: 0, canceled: 0 }
      return looks(made) === 2 ? { ...progress, counts: replayed } : progress
    })
    const waiting = watched(made.sender.events.wait(id))
    await quiet()
    made.clock.advanceBy(10)
    await quiet()
    expect(waiting.outcome).toBeUndefined()
    expect(looks(made)).toBe(2)
    made.clock.advanceBy(250)
    await quiet()
    expect(waiting.outcome).toMatchObject({ delivered: 1 })
  })

  it('of one that is removed meanwhile says that it is not there', async () => {
    const made = await withEndpoints(1)
    const { id } = await made.sender.send(event)
    const waiting = watched(made.sender.events.wait(id))
    await quiet()
    made.storage.tamper('eventProgress', async () => null)
    made.clock.advanceBy(250)
    await quiet()
    expect(waiting.outcome).toMatchObject({ code: 'event_not_found', retryable: false })
  })
})

describe('an end before the end', () => {
  it('comes after timeoutMs, a minute by default, retryable', async () => {
    for (const [options, ms] of [
      [{ timeoutMs: 700 }, 700],
      [{}, MINUTE],
      [{ timeoutMs: HOUR }, HOUR],
    ] as const) {
      const made = await withEndpoints(1)
      const { id } = await made.sender.send(event)
      const waiting = watched(made.sender.events.wait(id, options))
      await quiet()
      while (waiting.outcome === undefined) {
        made.clock.advanceTo(made.clock.nextTimerAt() ?? 0)
        await quiet(3)
      }
      expect(waiting.outcome).toMatchObject({ code: 'timed_out', retryable: true })
      expect(made.clock.monotonic()).toBe(ms)
      expect(made.clock.nextTimerAt()).toBeNull()
      // The longer it takes, the more seldom it looks.
      expect(looks(made)).toBeLessThan(100 + ms / 5_000)
    }
  })

  it('comes by the signal, at once, with its reason', async () => {
    const made = await withEndpoints(1)
    const { id } = await made.sender.send(event)
    const abort = new AbortController()
    const waiting = watched(made.sender.events.wait(id, { signal: abort.signal }))
    await quiet()
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(1)
    const reason = new Error('the customer has left the page')
    abort.abort(reason)
    await quiet(2)
    expect(waiting.outcome).toBe(reason)
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0)
    expect(made.clock.nextTimerAt()).toBeNull()
  })

  it('comes by the signal while storage does not answer', async () => {
    const made = await withEndpoints(1)
    const { id } = await made.sender.send(event)
    let answer = () => {}
    made.storage.tamper('eventProgress', async (call) => {
      await new Promise<void>((resolve) => (answer = resolve))
      return call()
    })
    const abort = new AbortController()
    const waiting = watched(made.sender.events.wait(id, { signal: abort.signal }))
    await quiet()
    abort.abort()
    await quiet(2)
    expect(waiting.outcome).toMatchObject({ name: 'AbortError' })
    answer()
    await quiet()
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0)
  })

  it('comes before anything is asked when the signal was aborted before', async () => {
    const made = await withEndpoints(1)
    const { id } = await made.sender.send(event)
    const signal = AbortSignal.abort(new Error('too late'))
    await expect(made.sender.events.wait(id, { signal })).rejects.toThrow('too late')
    await expect(made.sender.events.wait('evt_none', { signal })).rejects.toThrow('too late')
    expect(looks(made)).toBe(0)
  })

  it('comes by stop, and leaves no listener and no timer', async () => {
    const made = await withEndpoints(1)
    const { id } = await made.sender.send(event)
    const abort = new AbortController()
    const waiting = watched(made.sender.events.wait(id, { signal: abort.signal }))
    await quiet()
    await made.sender.stop()
    await quiet()
    expect(waiting.outcome).toMatchObject({ code: 'stopped', retryable: false })
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0)
    expect(made.clock.nextTimerAt()).toBeNull()
  })

  it('leaves a signal without listeners when the event has ended', async () => {
    const made = await withEndpoints(1)
    await made.sender.start()
    const abort = new AbortController()
    for (let index = 0; index < 20; index++) {
      const { id } = await made.sender.send(event)
      await made.sender.events.wait(id, { signal: abort.signal })
    }
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0)
  })
})

describe('many who wait', () => {
  it('look at storage a hundred times a second at most, all of them together', async () => {
    const made = await withEndpoints(1)
    const { id } = await made.sender.send(event)
    const waits = Array.from({ length: 200 }, () => watched(made.sender.events.wait(id)))
    await quiet()
    expect(looks(made)).toBe(200)
    const before = looks(made)
    for (let ms = 0; ms < 6_000; ms += 250) {
      made.clock.advanceBy(250)
      await quiet(3)
    }
    expect(looks(made) - before).toBeLessThanOrEqual(600)
    expect(looks(made) - before).toBeGreaterThanOrEqual(400)
    await made.sender.start()
    await quiet()
    for (const { outcome } of waits) expect(outcome).toMatchObject({ delivered: 1 })
  })

  it('hear of their own event alone', async () => {
    const made = await withEndpoints(1)
    await made.sender.start()
    made.transport.reply('hang')
    const { id } = await made.sender.send(event)
    watched(made.sender.events.wait(id, { timeoutMs: 1_000 }))
    await quiet()
    made.transport.reply(200)
    for (let index = 0; index < 20; index++) await made.sender.send(event)
    await quiet()
    expect(looks(made)).toBe(1)
  })
})
