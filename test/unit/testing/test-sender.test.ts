import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { defineEvents, event } from 'hookferry'
import { createTestSender, manualClock, scriptedTransport } from 'hookferry/testing'
import { verify } from 'hookferry/verify'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { quiet } from '../engine/rig.ts'

const HOUR = 3_600_000
const URL = 'https://customer.example/webhooks'

describe('requests', () => {
  it('are signed as in production: verify takes each of them, by the time of the clock', async () => {
    const { sender, clock, transport, requests } = createTestSender()
    const { secret } = await sender.endpoints.create({ url: URL })
    transport.reply(500)
    await sender.send({ type: 'invoice.paid', data: { amount: 990 } })
    await sender.drain({ until: new Date(clock.now() + 100 * HOUR) })
    expect(requests).toHaveLength(10)
    for (const request of requests) {
      const { type, timestamp } = await verify(request, secret, { now: () => request.at })
      expect([type, timestamp.getTime()]).toEqual(['invoice.paid', Math.floor(request.at / 1_000) * 1_000])
    }
    const [first, last] = [requests[0]!, requests[9]!]
    await expect(verify(last, secret, { now: () => clock.now() })).resolves.toBeDefined()
    await expect(verify(first, secret, { now: () => clock.now() })).rejects.toMatchObject({ code: 'timestamp_too_old' })
  })
})

describe('options', () => {
  it('are those of a sender: a catalogue is checked, a rule asked, a logger told', async () => {
    const lines: string[] = []
    const log = (_: object, message: string) => lines.push(message)
    const { sender, transport, assertSent } = createTestSender({
      events: defineEvents({ 'invoice.paid': event(z.object({ amount: z.number() })) }),
      retry: { decide: () => 'fail' },
      logger: { debug: log, info: log, warn: log, error: log },
    })
    await sender.endpoints.create({ url: URL })
    transport.reply(500)
    await expect(sender.send({ type: 'invoice.paid', data: { amount: 'much' } } as never)).rejects.toMatchObject({
      code: 'event_invalid',
    })
    await sender.send({ type: 'invoice.paid', data: { amount: 990 } })
    await sender.drain()
    assertSent('invoice.paid', { amount: 990 })
    expect((await sender.deliveries.list()).items).toMatchObject([{ state: 'failed', reason: 'retry_refused' }])
    expect(lines).toContain('hookferry: a delivery failed for good')
  })

  it('are the same every time: same ids, same jitter', async () => {
    const run = async () => {
      const { sender, clock, transport, requests } = createTestSender()
      await sender.endpoints.create({ url: URL })
      transport.reply(503)
      const { id } = await sender.send({ type: 'a', data: 1 })
      await sender.drain({ until: new Date(clock.now() + 100 * HOUR) })
      return [id, ...requests.map(({ at }) => at)]
    }
    expect(await run()).toEqual(await run())
  })
})

describe('time', () => {
  it('stands still until it is moved: drain delivers what is due now, and says when there is more', async () => {
    const { sender, clock, transport, requests } = createTestSender()
    await sender.endpoints.create({ url: URL })
    transport.reply(500)
    await sender.send({ type: 'a', data: 1 })
    const before = clock.now()
    const { attempts, nextDueAt } = await sender.drain()
    expect([attempts, clock.now()]).toEqual([1, before])
    expect(await sender.drain()).toEqual({ attempts: 0, nextDueAt })
    clock.advanceTo(nextDueAt?.getTime() ?? 0)
    expect(await sender.drain()).toMatchObject({ attempts: 1 })
    expect(requests.map(({ at }) => at)).toEqual([before, nextDueAt?.getTime()])
  })

  it('drain until a moment makes every attempt on the way at its own time, and stops there', async () => {
    const { sender, clock, transport, requests } = createTestSender({ retry: { jitter: 0 } })
    await sender.endpoints.create({ url: URL })
    transport.reply({ fail: 'refused' })
    await sender.send({ type: 'a', data: 1 })
    const began = clock.now()
    await sender.drain({ until: new Date(began + HOUR) })
    expect(requests.map(({ at }) => (at - began) / 1_000)).toEqual([0, 5, 5 + 300, 5 + 300 + 1_800])
    expect(clock.now()).toBeLessThanOrEqual(began + HOUR)
  })

  it('passes where a receiver takes long, and its deadline comes by the clock', async () => {
    const { sender, clock, transport } = createTestSender({ retry: { delaysMs: [] } })
    await sender.endpoints.create({ url: URL })
    const outcomes: (string | number | null)[] = []
    sender.on('attempt', ({ attempt }) => outcomes.push(attempt.outcome, attempt.durationMs))
    const began = clock.now()
    transport.reply({ status: 200, delayMs: 3_000 })
    await sender.send({ type: 'a', data: 1 })
    await sender.drain()
    transport.reply('hang')
    await sender.send({ type: 'a', data: 2 })
    await sender.drain()
    expect(outcomes).toEqual(['delivered', 3_000, 'timed_out', 15_000])
    expect(clock.now()).toBe(began + 18_000)
  })

  it('of a started sender: what is due goes out by itself, what is not when the clock is moved there', async () => {
    const { sender, clock, transport, requests } = createTestSender({ retry: { jitter: 0 } })
    await sender.endpoints.create({ url: URL })
    await sender.start()
    transport.reply((_request, index) => (index === 0 ? 500 : 200))
    const { id } = await sender.send({ type: 'a', data: 1 })
    await quiet()
    expect(requests).toHaveLength(1)
    clock.advanceBy(5_000)
    await expect(sender.events.wait(id)).resolves.toMatchObject({ delivered: 1 })
    expect(requests).toHaveLength(2)
    await expect(sender.drain()).rejects.toMatchObject({ code: 'already_started' })
    await sender.stop()
  })
})

describe('a sender that nobody stops', () => {
  const program = (body: string) => `
    import { createTestSender, manualClock, scriptedTransport } from 'hookferry/testing'
    const { sender, clock, transport, requests } = createTestSender()
    await sender.endpoints.create({ url: '${URL}', rateLimit: { limit: 1, perMs: 1_000 } })
    ${body}
    console.log(requests.length)
  `
  const bodies = {
    'was drained': "await sender.send({ type: 'a', data: 1 }); await sender.drain()",
    'is in the midst of retries':
      "transport.reply(500); await sender.send({ type: 'a', data: 1 }); await sender.drain()",
    'was started':
      "await sender.start(); const { id } = await sender.send({ type: 'a', data: 1 }); await sender.events.wait(id)",
  }
  it.each(Object.entries(bodies))('and that %s keeps no process alive', async (_, body) => {
    const options = { cwd: new globalThis.URL('../../..', import.meta.url), timeout: 30_000 }
    const input = ['--import', 'tsx', '--input-type=module', '--eval', program(body)]
    const { stdout, stderr } = await promisify(execFile)(process.execPath, input, options)
    expect([stdout, stderr]).toEqual(['1\n', ''])
  })
})

describe('parts of its own', () => {
  it('are those that it was given', async () => {
    const clock = manualClock(Date.UTC(2030, 0, 1))
    const transport = scriptedTransport(clock, 500)
    const made = createTestSender({ transport, runtime: { clock } })
    expect(made.clock).toBe(clock)
    await made.sender.endpoints.create({ url: URL })
    await made.sender.send({ type: 'invoice.paid', data: 1 })
    await made.sender.drain()
    expect(transport.requests).toHaveLength(1)
    expect(made.requests).toEqual(transport.requests)
    expect(() => made.assertNothingSent()).toThrow()
  })

  it('are the test ones where it was given undefined', async () => {
    const nothing = { storage: undefined, transport: undefined } as object
    const runtime = { clock: undefined, random: undefined, resolve: undefined } as object
    const { sender, clock, requests } = createTestSender({ ...nothing, runtime })
    expect((await sender.health()).storage.name).toBe('memory')
    await sender.endpoints.create({ url: URL })
    await sender.send({ type: 'invoice.paid', data: 1 })
    await sender.drain()
    expect(requests).toMatchObject([{ at: clock.now() }])
  })
})
