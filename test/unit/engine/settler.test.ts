import { afterEach, describe, expect, it } from 'vitest'
import type { LifecycleName } from '../../../src/engine/lifecycle-events.ts'
import { WebhookError } from '../../../src/errors.ts'
import { quiet, type Rig, rig, stopAll, through, URL_OK } from './rig.ts'

afterEach(stopAll)

const DAY = 86_400_000
const event = { type: 'a', data: 1 }
const busy = () => new WebhookError('storage_busy', 'busy.', { retryable: true })

/** The names of what is told, in order. */
function told({ sender }: Rig, ...names: LifecycleName[]): string[] {
  const heard: string[] = []
  for (const name of names) sender.on(name, () => heard.push(name))
  return heard
}

async function withEndpoint(options: Parameters<typeof rig>[0] = {}) {
  const made = rig(options)
  const { id } = await made.sender.endpoints.create({ url: URL_OK })
  return { ...made, id, endpoint: () => made.sender.endpoints.get(id) }
}

describe('settling', () => {
  it('of many results shares one commit, and one bad row fails alone', async () => {
    const made = await withEndpoint({ concurrency: { perEndpoint: 20 } })
    for (let index = 0; index < 5; index++) await made.sender.send({ ...event, id: `e${index}` })
    made.storage.tamper('settle', async (call, input) => {
      const { settlements } = input as { settlements: { attempt: { requestHeaders: Record<string, string> } }[] }
      if (settlements.some(({ attempt }) => attempt.requestHeaders['webhook-id'] === 'e2')) throw new Error('bad row')
      return call()
    })
    await made.sender.drain()
    const { items } = await made.sender.deliveries.list()
    const states = Object.fromEntries(items.map(({ eventId, state }) => [eventId, state]))
    expect(states).toEqual({ e0: 'delivered', e1: 'delivered', e2: 'leased', e3: 'delivered', e4: 'delivered' })
    expect(made.errors).toMatchObject([{ error: { message: 'bad row' } }])
    expect(made.requests).toHaveLength(5)
  })

  it('is tried again while storage is busy, without another request', async () => {
    const made = await withEndpoint()
    let tries = 0
    made.storage.tamper('settle', async (call) => {
      if (++tries < 20) throw busy()
      return call()
    })
    await made.sender.send(event)
    await made.sender.drain()
    expect({ tries, requests: made.requests.length }).toEqual({ tries: 20, requests: 1 })
    expect((await made.sender.deliveries.list()).items).toMatchObject([{ state: 'delivered', attemptCount: 1 }])
  })

  it('whose answer got lost is not told twice', async () => {
    const made = await withEndpoint()
    const heard = told(made, 'delivery.delivered', 'attempt')
    let tries = 0
    made.storage.tamper('settle', async (call) => {
      const answer = await call()
      if (++tries === 1) throw new WebhookError('storage_unavailable', 'lost.', { retryable: true })
      return answer
    })
    await made.sender.send(event)
    await made.sender.drain()
    expect(heard.filter((name) => name === 'delivery.delivered').length).toBeLessThanOrEqual(1)
    expect((await made.sender.deliveries.list()).items).toMatchObject([{ state: 'delivered', attemptCount: 1 }])
  })

  it('that came too late tells nothing: another has decided', async () => {
    const made = await withEndpoint()
    const heard = told(made, 'delivery.delivered', 'attempt')
    made.storage.tamper('settle', async () => ({ statuses: ['stale'], health: [] }))
    await made.sender.send(event)
    await made.sender.drain()
    expect(made.requests).toHaveLength(1)
    expect(heard).toEqual([])
  })

  it('that lags by more than five seconds lets no attempt begin', async () => {
    const made = await withEndpoint({ concurrency: { total: 4, perEndpoint: 1 } })
    const other = await made.sender.endpoints.create({ url: URL_OK, eventTypes: ['other'] })
    await made.sender.start()
    let free = false
    made.storage.tamper('settle', async (call) => {
      if (!free) throw busy()
      return call()
    })
    await made.sender.send({ ...event, endpoints: [made.id] })
    await quiet()
    expect(made.requests).toHaveLength(1)
    for (let passed = 0; passed <= 5_100; passed += 100) {
      made.clock.advanceBy(100)
      await quiet(5)
    }
    await made.sender.send({ ...event, type: 'x', endpoints: [other.id] })
    made.clock.advanceBy(1_000)
    await quiet()
    expect(made.requests).toHaveLength(1)
    free = true
    for (let turn = 0; turn < 40 && made.requests.length < 2; turn++) {
      made.clock.advanceBy(250)
      await quiet()
    }
    expect(made.requests).toHaveLength(2)
  })
})

describe('judging', () => {
  it('410 disables at once, tells once, and holds what comes', async () => {
    const made = await withEndpoint()
    const heard = told(made, 'endpoint.disabled')
    made.transport.reply(410)
    for (let index = 0; index < 3; index++) await made.sender.send(event)
    await made.sender.drain()
    expect(heard).toEqual(['endpoint.disabled'])
    expect(await made.endpoint()).toMatchObject({ state: 'disabled', stateReason: 'gone' })
    // One request was enough to know: the other two are held, as is what comes.
    expect(made.requests).toHaveLength(1)
    await made.sender.send(event)
    await made.sender.drain()
    expect((await made.sender.health()).held).toBe(3)
    made.transport.reply(200)
    await made.sender.endpoints.enable(made.id)
    await made.sender.drain()
    expect((await made.sender.deliveries.list({ state: 'delivered' })).items).toHaveLength(3)
  })

  it('is done when drain returns, and before stop closes the storage, however slow storage is', async () => {
    for (const end of ['drain', 'stop'] as const) {
      const made = await withEndpoint()
      made.transport.reply(410)
      made.storage.tamper('changeEndpointState', async (call) => {
        expect(made.storage.calls.get('close') ?? 0).toBe(0)
        await new Promise((resolve) => setTimeout(resolve, 20))
        return call()
      })
      if (end === 'stop') await made.sender.start()
      await made.sender.send(event)
      await (end === 'stop' ? through(made.clock, made.sender.stop()) : made.sender.drain())
      const stored = await made.storage.getEndpoint({ id: made.id, tenant: null })
      expect(stored?.state, end).toBe('disabled')
      expect(made.errors).toEqual([])
    }
  })

  it('warns at half of the way and disables at its end, each once', async () => {
    const made = await withEndpoint({
      disable: { afterMs: 2 * DAY, minFailures: 4 },
      retry: { delaysMs: [], jitter: 0 },
    })
    const heard = told(made, 'endpoint.failing', 'endpoint.disabled')
    made.transport.reply(500)
    for (let hours = 0; hours <= 60; hours += 6) {
      await made.sender.send(event)
      await made.sender.drain()
      const { health, state } = (await made.endpoint()) ?? {}
      const expected = hours < 24 ? [] : hours < 48 ? ['endpoint.failing'] : ['endpoint.failing', 'endpoint.disabled']
      expect({ hours, heard, state }).toEqual({ hours, heard: expected, state: hours < 48 ? 'active' : 'disabled' })
      if (hours < 48) expect(health?.failures).toBe(hours / 6 + 1)
      made.clock.advanceBy(6 * 3_600_000)
    }
  })

  it('a success in between begins the count anew', async () => {
    const made = await withEndpoint({ disable: { afterMs: 2 * DAY, minFailures: 2 }, retry: { delaysMs: [] } })
    const heard = told(made, 'endpoint.disabled')
    for (const status of [500, 500, 200, 500, 200]) {
      made.transport.reply(status)
      await made.sender.send(event)
      await made.sender.drain()
      made.clock.advanceBy(DAY)
    }
    expect(heard).toEqual([])
    expect(await made.endpoint()).toMatchObject({ state: 'active', health: { failures: 0, failingSince: null } })
  })

  it('a success on the last attempt never disables', async () => {
    const made = await withEndpoint({
      disable: { afterMs: 1_000, minFailures: 3 },
      retry: { delaysMs: [600, 600, 600], jitter: 0 },
    })
    made.transport.reply((_, index) => (index < 2 ? 500 : 200))
    await made.sender.send(event)
    await made.sender.drain({ until: new Date(made.clock.now() + DAY) })
    expect(made.requests).toHaveLength(3)
    expect(await made.endpoint()).toMatchObject({ state: 'active' })
  })

  it('is guarded: a verdict about another URL, or of before a recovery, disables nothing', async () => {
    for (const meanwhile of ['url', 'enable'] as const) {
      const made = await withEndpoint()
      const heard = told(made, 'endpoint.disabled')
      made.transport.reply(410)
      made.storage.tamper('changeEndpointState', async (call) => {
        made.storage.heal()
        if (meanwhile === 'url') await made.sender.endpoints.update(made.id, { url: `${URL_OK}/new` })
        else await made.sender.endpoints.delete(made.id)
        return call()
      })
      await made.sender.send(event)
      await made.sender.drain()
      expect(heard).toEqual([])
      expect((await made.endpoint())?.state).toBe(meanwhile === 'url' ? 'active' : undefined)
    }
  })

  it('asks disable.decide, and what that throws is told while the rule holds', async () => {
    const asked: unknown[] = []
    const made = await withEndpoint({
      disable: {
        afterMs: DAY,
        minFailures: 1,
        decide: (health) => {
          asked.push(health.endpointId)
          if (asked.length === 1) throw new Error('of the host')
          return 'disable'
        },
      },
      retry: { delaysMs: [] },
    })
    made.transport.reply(500)
    await made.sender.send(event)
    await made.sender.drain()
    expect(await made.endpoint()).toMatchObject({ state: 'active' })
    expect(made.errors).toMatchObject([{ error: { message: 'of the host' } }])
    await made.sender.send(event)
    await made.sender.drain()
    expect(await made.endpoint()).toMatchObject({ state: 'disabled' })
    expect(asked).toEqual([made.id, made.id])
  })

  it('can be switched off, but for 410', async () => {
    const made = await withEndpoint({ disable: false, retry: { delaysMs: [] } })
    made.transport.reply(500)
    for (let index = 0; index < 40; index++) {
      await made.sender.send(event)
      await made.sender.drain()
      made.clock.advanceBy(DAY)
    }
    expect(await made.endpoint()).toMatchObject({ state: 'active', health: { failures: 40 } })
    made.transport.reply(410)
    await made.sender.send(event)
    await made.sender.drain()
    expect(await made.endpoint()).toMatchObject({ state: 'disabled' })
  })
})
