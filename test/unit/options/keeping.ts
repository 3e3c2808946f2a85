import { expect } from 'vitest'
import { WebhookError } from '../../../src/errors.ts'
import { quiet, through, URL_OK } from '../engine/rig.ts'
import { type Cases, codeOf, DAY, event, given, HOUR, MINUTE, SECOND } from './harness.ts'

/** Options that say when endpoints are disabled, and for how long what is remembered. */
export const KEEPING: Cases = {
  async disable() {
    for (const [disable, state] of [
      [{}, 'disabled'],
      [false, 'active'],
    ] as const) {
      const made = await given({ disable, retry: { delaysMs: Array.from({ length: 40 }, () => DAY) } })
      made.transport.reply(500)
      await made.sender.send(event)
      await made.sender.drain({ until: new Date(made.clock.now() + 40 * DAY) })
      expect(await made.sender.endpoints.get(made.id)).toMatchObject({ state })
      if (disable !== false) continue
      made.transport.reply(410)
      await made.sender.send(event)
      await made.sender.drain()
      expect(await made.sender.endpoints.get(made.id)).toMatchObject({ state: 'disabled', stateReason: 'gone' })
    }
  },

  async 'disable.afterMs'() {
    const times = await disabledAfter({ afterMs: 10 * HOUR, minFailures: 1 })
    expect(times).toEqual({ failing: 5 * HOUR, disabled: 10 * HOUR })
  },

  async 'disable.minFailures'() {
    // An attempt each hour: the first is at 0.
    const times = await disabledAfter({ afterMs: 2 * HOUR, minFailures: 8 })
    expect(times).toMatchObject({ disabled: 7 * HOUR })
  },

  async 'disable.decide'() {
    const asked: unknown[] = []
    const decide = ({ failures, tenant }: { failures: number; tenant: string }) => {
      asked.push([failures, tenant])
      return failures === 1 ? ('keep' as const) : ('disable' as const)
    }
    expect(await disabledAfter({ decide })).toEqual({ disabled: HOUR })
    expect(asked).toEqual([
      [1, 'default'],
      [2, 'default'],
    ])
  },

  async 'hold.maxAgeMs'() {
    const made = await given({ hold: { maxAgeMs: 3 * HOUR } })
    const { sender, clock, id } = made
    await sender.endpoints.pause(id)
    await sender.send(event)
    const states: unknown[] = []
    for (const ms of [0, 3 * HOUR, MINUTE]) {
      clock.advanceBy(ms)
      await sender.drain()
      states.push((await sender.deliveries.list()).items[0]?.state)
    }
    expect(states).toEqual(['pending', 'pending', 'canceled'])
  },

  async idempotencyMs() {
    const { sender, clock } = await given({ idempotencyMs: HOUR })
    const send = async () => (await sender.send({ ...event, idempotencyKey: 'once' })).duplicate
    expect([await send(), await send()]).toEqual([false, true])
    clock.advanceBy(HOUR - 1)
    expect(await send()).toBe(true)
    clock.advanceBy(2)
    await sender.drain()
    expect(await send()).toBe(false)
  },

  'retention.deliveredMs': () => keptFor(200, { deliveredMs: 2 * HOUR, failedMs: DAY }, 2 * HOUR),

  'retention.failedMs': () => keptFor(410, { deliveredMs: DAY, failedMs: 3 * HOUR }, 3 * HOUR),

  async payloadMaxBytes() {
    const { sender } = await given({ payloadMaxBytes: 100 })
    const body = (size: number) => sender.send({ type: 'a', body: new Uint8Array(size), contentType: 'text/plain' })
    expect(await codeOf(body(100))).toBeNull()
    expect(await codeOf(body(101))).toBe('payload_too_large')
    expect(await codeOf(sender.send({ type: 'a', data: 'x'.repeat(100) }))).toBe('payload_too_large')
  },

  async 'acceptQueueMax.count'() {
    expect(await refusedBeyond({ count: 3 }, 10)).toBe(3)
    expect(await refusedBeyond({ count: 5 }, 10)).toBe(5)
  },

  async 'acceptQueueMax.bytes'() {
    expect(await refusedBeyond({ bytes: 4_096 }, 1_024)).toBe(4)
    expect(await refusedBeyond({ bytes: 4_096 }, 2_048)).toBe(2)
  },

  async acceptTimeoutMs() {
    const { sender, storage, clock } = await given({ acceptTimeoutMs: 3 * SECOND })
    storage.tamper('insertEvents', async () => {
      throw new WebhookError('storage_busy', 'busy.', { retryable: true })
    })
    const began = clock.now()
    expect(await through(clock, codeOf(sender.send(event)))).toBe('busy')
    expect(clock.now() - began).toBeGreaterThanOrEqual(3 * SECOND)
    expect(clock.now() - began).toBeLessThan(6 * SECOND)
  },
}

/** When an endpoint that is attempted each hour, and always fails, is told of as failing and as disabled. */
async function disabledAfter(disable: object): Promise<object> {
  const made = await given({ disable, retry: { delaysMs: Array.from({ length: 30 }, () => HOUR) } })
  const { sender, clock, transport } = made
  const began = clock.now()
  const times: Record<string, number> = {}
  sender.on('endpoint.failing', () => {
    times.failing = clock.now() - began
  })
  sender.on('endpoint.disabled', () => {
    times.disabled = clock.now() - began
  })
  transport.reply(500)
  await sender.send(event)
  await sender.drain({ until: new Date(began + 2 * DAY) })
  return times
}

/** That a delivery that ends by this answer is kept for so long, and no longer. */
async function keptFor(status: number, retention: object, keptMs: number): Promise<void> {
  const { sender, clock, transport } = await given({ retention })
  transport.reply(status)
  await sender.send(event)
  await sender.drain()
  const kept: number[] = []
  for (const ms of [keptMs - 1, MINUTE + 1]) {
    clock.advanceBy(ms)
    await sender.drain()
    kept.push((await sender.deliveries.list()).items.length)
  }
  expect(kept).toEqual([1, 0])
}

/** How many events of a size are taken while storage does not answer. */
async function refusedBeyond(acceptQueueMax: object, size: number): Promise<number> {
  const { sender, storage } = await given({ acceptQueueMax }, { url: URL_OK })
  let go = () => {}
  const held = new Promise<void>((resolve) => {
    go = resolve
  })
  storage.tamper('insertEvents', (call) => held.then(() => call()))
  const sends = Array.from({ length: 8 }, () =>
    codeOf(sender.send({ type: 'a', body: new Uint8Array(size), contentType: 'text/plain' })),
  )
  await quiet()
  go()
  const codes = await Promise.all(sends)
  expect(new Set(codes)).toEqual(new Set([null, 'busy']))
  return codes.filter((code) => code === null).length
}
