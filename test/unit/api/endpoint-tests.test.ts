import { createHmac } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { defineEvents, event as eventOf } from '../../../src/catalog.ts'
import { fakeResolver } from '../../../src/testing/fake-resolver.ts'
import { quiet, type Rig, rig, stopAll, through, URL_OK } from '../engine/rig.ts'
import { dump } from './bad-input/world.ts'

afterEach(stopAll)

const DAY = 86_400_000

async function withEndpoint(options: Parameters<typeof rig>[0] = {}, more: object = {}) {
  const made = rig(options)
  const { id, secret } = await made.sender.endpoints.create({ url: URL_OK, ...more })
  return { ...made, id, secret, test: (event?: object) => made.sender.endpoints.test(id, event) }
}

/** Begins so many tests at once; none of their endpoints answers. */
async function hanging(made: Rig, tenants: string[]) {
  made.transport.reply('hang')
  const outcomes: unknown[] = []
  for (const tenant of tenants) {
    const { id } = await made.sender.endpoints.create({ tenant, url: URL_OK })
    made.sender.endpoints.test(id).then(
      ({ outcome }) => outcomes.push(outcome),
      ({ code, retryable }) => outcomes.push({ code, retryable }),
    )
  }
  await quiet()
  return outcomes
}

describe('a test of an endpoint', () => {
  it('makes one request and tells what became of it', async () => {
    const { test, requests, transport, clock } = await withEndpoint()
    transport.reply({ status: 202, headers: { server: 'x' }, body: 'thanks', delayMs: 30 })
    expect(await through(clock, test())).toMatchObject({
      number: 1,
      round: 1,
      url: URL_OK,
      outcome: 'delivered',
      status: 202,
      durationMs: 30,
      startedAt: new Date(clock.now() - 30),
      responseHeaders: { server: 'x' },
      responseBody: new TextEncoder().encode('thanks'),
      error: null,
    })
    expect(requests).toHaveLength(1)
    expect(requests[0]?.json).toEqual({ type: 'webhook.test', timestamp: '2026-01-01T00:00:00.000Z', data: {} })
  })

  it('is like a real request in all but its id', async () => {
    const { test, sender, requests, secret } = await withEndpoint({}, { headers: { 'x-token': 'mine' } })
    const event = { type: 'invoice.paid', data: { id: 7 } }
    await sender.send(event)
    await sender.drain()
    await test(event)
    const [real, tried] = requests
    expect(tried?.body).toEqual(real?.body)
    expect(Object.keys(tried?.headers ?? {}).sort()).toEqual(Object.keys(real?.headers ?? {}).sort())
    const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = tried?.headers ?? {}
    expect(id).not.toBe(real?.headers['webhook-id'])
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
    const content = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), tried?.body ?? Buffer.alloc(0)])
    expect(signature).toBe(`v1,${createHmac('sha256', key).update(content).digest('base64')}`)
    expect({ ...tried?.headers, 'webhook-id': '', 'webhook-signature': '' }).toEqual({
      ...real?.headers,
      'webhook-id': '',
      'webhook-signature': '',
    })
  })

  it('has an id of its own each time', async () => {
    const { test, requests } = await withEndpoint()
    for (let index = 0; index < 5; index++) await test()
    expect(new Set(requests.map(({ headers }) => headers['webhook-id'])).size).toBe(5)
  })

  it('masks the endpoint’s own headers, as in records of real attempts', async () => {
    const { test } = await withEndpoint({}, { headers: { 'x-token': 'mine' } })
    expect((await test()).requestHeaders).toMatchObject({ 'x-token': '***', 'user-agent': expect.any(String) })
  })

  it.each([
    [410, 'gone'],
    [500, 'rejected'],
    [302, 'rejected'],
    [{ fail: 'refused' } as const, 'connection_failed'],
  ])('answered with %j is %s, which is no error of the call', async (reply, outcome) => {
    const { test, transport } = await withEndpoint()
    transport.reply(reply)
    expect(await test()).toMatchObject({ outcome })
  })

  it('keeps nothing, tells nobody, and leaves health as it is', async () => {
    const made = await withEndpoint({ disable: { afterMs: DAY, minFailures: 1 } })
    const told: unknown[] = []
    for (const name of ['attempt', 'delivery.failed', 'endpoint.failing', 'endpoint.disabled', 'error'] as const) {
      made.sender.on(name, (news) => told.push(news))
    }
    const before = await dump(made.storage)
    for (const reply of [410, 500, 200, 'hang', { fail: 'reset' }] as const) {
      made.transport.reply(reply)
      await through(made.clock, made.test())
    }
    await quiet()
    expect(await dump(made.storage)).toEqual(before)
    expect(told).toEqual([])
    expect(await made.sender.drain()).toEqual({ attempts: 0, nextDueAt: null })
    expect(await made.sender.endpoints.get(made.id)).toMatchObject({ state: 'active', health: { failures: 0 } })
  })

  it('does not make an endpoint struggle for its real deliveries', async () => {
    const made = await withEndpoint({ concurrency: { perEndpoint: 5 } })
    await made.sender.start()
    const send = async (times: number) => {
      for (let index = 0; index < times; index++) {
        await made.sender.send({ type: 'a', data: 1 })
        await quiet()
      }
    }
    // Each answer adds a slot.
    await send(5)
    made.transport.reply('hang')
    expect(await through(made.clock, made.test())).toMatchObject({ outcome: 'timed_out' })
    made.transport.requests.length = 0
    await send(5)
    expect(made.requests).toHaveLength(5)
  })

  it('does not spend what may be kept of responses', async () => {
    const made = await withEndpoint()
    made.transport.reply({ status: 500, body: new Uint8Array(16_384) })
    for (let index = 0; index < 70; index++) await made.test()
    await made.sender.send({ type: 'a', data: 1 })
    await made.sender.drain()
    const [delivery] = (await made.sender.deliveries.list()).items
    const [attempt] = (await made.sender.deliveries.attempts(delivery?.id ?? '')).items
    expect(attempt?.responseBody).toHaveLength(16_384)
  })

  it('works whatever state the endpoint is in, started or not', async () => {
    const { sender, id, test, transport } = await withEndpoint()
    await sender.endpoints.pause(id)
    expect(await test()).toMatchObject({ outcome: 'delivered' })
    await sender.endpoints.resume(id)
    transport.reply(410)
    await sender.send({ type: 'a', data: 1 })
    await sender.drain()
    expect(await sender.endpoints.get(id)).toMatchObject({ state: 'disabled' })
    transport.reply(200)
    expect(await test()).toMatchObject({ outcome: 'delivered' })
    await sender.start()
    expect(await test()).toMatchObject({ outcome: 'delivered' })
  })

  it('goes to no address that is not allowed', async () => {
    const addresses = { 'example.com': ['93.184.215.14'] }
    const made = await withEndpoint({ runtime: { resolve: fakeResolver(addresses) } })
    addresses['example.com'] = ['10.0.0.1']
    expect(await made.test()).toMatchObject({ outcome: 'blocked', status: null })
    expect(made.requests).toEqual([])
  })

  it('keeps to the deadline of the endpoint', async () => {
    const { test, transport, clock } = await withEndpoint({}, { attempt: { deadlineMs: 300 } })
    transport.reply('hang')
    expect(await through(clock, test())).toMatchObject({ outcome: 'timed_out' })
    expect(clock.monotonic()).toBe(300)
  })

  it('that nothing can sign is not made', async () => {
    let able = true
    const sign = (): Record<string, string> => {
      if (able) return { 'x-s': 'signed' }
      throw new Error('no secret suits')
    }
    const { test, requests, errors } = await withEndpoint({ signing: [{ name: 's', headers: ['x-s'], sign }] })
    able = false
    expect(await test()).toMatchObject({ outcome: 'blocked', error: { message: 'not signed: no secret suits' } })
    expect(requests).toEqual([])
    expect(errors).toMatchObject([{ context: expect.stringContaining('signing') }])
  })
})

describe('with a catalogue', () => {
  const refusing = {
    '~standard': { version: 1 as const, vendor: 'test', validate: () => ({ issues: [{ message: 'no' }] }) },
  }
  const renaming = {
    '~standard': { version: 1 as const, vendor: 'test', validate: (data: unknown) => ({ value: { renamed: data } }) },
  }
  const events = defineEvents({ plain: eventOf<number>(), refused: eventOf(refusing), renamed: eventOf(renaming) })

  it('the default type passes, and any other is checked as by send', async () => {
    const { test, requests } = await withEndpoint({ events })
    expect(await test({ data: 'anything' })).toMatchObject({ outcome: 'delivered' })
    await expect(test({ type: 'unknown' })).rejects.toMatchObject({ code: 'event_invalid' })
    await expect(test({ type: 'refused', data: 1 })).rejects.toMatchObject({ code: 'event_invalid' })
    await test({ type: 'plain', data: 1 })
    await test({ type: 'renamed', data: 1 })
    const data = requests.map(({ json }) => (json as { data: unknown }).data)
    expect(data).toEqual(['anything', 1, { renamed: 1 }])
  })
})

describe('tests at once', () => {
  it('are 4 of one tenant at most: a page of hanging endpoints keeps no other customer from testing', async () => {
    const made = rig()
    const outcomes = await hanging(made, [...Array(6).fill('slow'), 'quick'])
    expect(outcomes).toEqual([1, 2].map(() => ({ code: 'busy', retryable: true })))
    expect(made.requests).toHaveLength(5)
  })

  it('are 16 in all at most, and are made again once others have ended', async () => {
    const made = rig()
    const tenants = Array.from({ length: 18 }, (_, index) => `t${index}`)
    const outcomes = await hanging(made, tenants)
    expect(outcomes).toEqual([1, 2].map(() => ({ code: 'busy', retryable: true })))
    made.clock.advanceBy(15_100)
    await quiet()
    expect(outcomes.slice(2)).toEqual(Array(16).fill('timed_out'))
    made.transport.reply(200)
    const { id } = await made.sender.endpoints.create({ tenant: 't0', url: URL_OK })
    expect(await made.sender.endpoints.test(id)).toMatchObject({ outcome: 'delivered' })
  })

  it('take no slot of real deliveries', async () => {
    const made = rig({ concurrency: { total: 4, perEndpoint: 4 } })
    await hanging(
      made,
      Array.from({ length: 16 }, (_, index) => `t${index}`),
    )
    made.transport.reply(200)
    await made.sender.endpoints.create({ url: URL_OK })
    await made.sender.start()
    for (let index = 0; index < 4; index++) await made.sender.send({ type: 'a', data: 1 })
    await quiet()
    expect(made.requests).toHaveLength(20)
    expect(await made.sender.health()).toMatchObject({ inFlight: 0, pending: 0 })
  })
})

describe('stop', () => {
  it('waits for a test for as long as its grace, then ends it as aborted', async () => {
    const made = rig()
    const outcomes = await hanging(made, ['acme'])
    await through(made.clock, made.sender.stop({ graceMs: 2_000 }))
    expect(made.clock.monotonic()).toBeLessThan(2_200)
    await quiet()
    expect(outcomes).toEqual(['aborted'])
  })

  it('ends as soon as the last test has', async () => {
    const { test, transport, clock, sender } = await withEndpoint()
    transport.reply({ status: 200, delayMs: 500 })
    const tested = test()
    await quiet()
    await through(clock, sender.stop({ graceMs: 10_000 }))
    expect(await tested).toMatchObject({ outcome: 'delivered' })
    expect(clock.monotonic()).toBe(500)
  })

  it('under way lets no further one begin', async () => {
    const { test, transport, clock, sender } = await withEndpoint()
    transport.reply({ status: 200, delayMs: 500 })
    const tested = test()
    await quiet()
    const stopped = sender.stop()
    await quiet()
    await expect(test()).rejects.toMatchObject({ code: 'stopped' })
    await through(clock, Promise.all([stopped, tested]))
  })

  it('a drain does not wait for a test', async () => {
    const { test, transport, clock, sender } = await withEndpoint()
    transport.reply({ status: 200, delayMs: 5_000 })
    const tested = test()
    await quiet()
    transport.reply(200)
    await sender.send({ type: 'a', data: 1 })
    expect(await sender.drain()).toMatchObject({ attempts: 1 })
    expect(clock.monotonic()).toBe(0)
    await through(clock, tested)
  })
})
