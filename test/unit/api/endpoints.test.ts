import { afterEach, describe, expect, it } from 'vitest'
import { fakeResolver } from '../../../src/testing/fake-resolver.ts'
import { quiet, type Rig, rig, stopAll, through, URL_OK } from '../engine/rig.ts'

afterEach(stopAll)

async function sent({ sender }: Rig, type: string): Promise<number | null> {
  return (await sender.send({ type, data: 1 })).deliveries
}

describe('type patterns', () => {
  it.each<[string[] | null, string[], string[]]>([
    [['invoice.*'], ['invoice.paid'], ['invoice', 'invoice.paid.late', 'invoices.paid', 'x.invoice.paid']],
    [['invoice.**'], ['invoice.paid', 'invoice.paid.late'], ['invoice', 'invoices.paid']],
    [['*.paid'], ['invoice.paid'], ['paid', 'a.b.paid']],
    [['**'], ['a', 'a.b.c'], []],
    [['*'], ['a'], ['a.b']],
    [['invoice.paid'], ['invoice.paid'], ['invoice.paid.late', 'INVOICE.paid']],
    [
      ['a', 'b.*', 'b.**'],
      ['a', 'b.c', 'b.c.d'],
      ['c', 'b'],
    ],
    [null, ['a', 'a.b.c'], []],
  ])('%j', async (eventTypes, wanted, unwanted) => {
    const made = rig()
    await made.sender.endpoints.create({ url: URL_OK, eventTypes })
    for (const type of wanted) expect({ type, count: await sent(made, type) }).toEqual({ type, count: 1 })
    for (const type of unwanted) expect({ type, count: await sent(made, type) }).toEqual({ type, count: 0 })
  })

  it('do not matter when an endpoint is addressed', async () => {
    const made = rig()
    const { id } = await made.sender.endpoints.create({ url: URL_OK, eventTypes: ['never'] })
    expect(await made.sender.send({ type: 'a', data: 1, endpoints: [id, id] })).toMatchObject({ deliveries: 1 })
  })
})

describe('a change', () => {
  it('counts from the next send: create, update, pause, delete', async () => {
    const made = rig()
    const { endpoints } = made.sender
    expect(await sent(made, 'a')).toBe(0)
    const { id } = await endpoints.create({ url: URL_OK })
    expect(await sent(made, 'a')).toBe(1)
    await endpoints.update(id, { eventTypes: ['b'] })
    expect(await sent(made, 'a')).toBe(0)
    await endpoints.update(id, { eventTypes: null })
    expect(await sent(made, 'a')).toBe(1)
    await endpoints.pause(id)
    expect(await sent(made, 'a')).toBe(1)
    await made.sender.drain()
    expect(made.requests).toHaveLength(0)
    await endpoints.resume(id)
    await endpoints.update(id, { url: `${URL_OK}/moved`, headers: { 'x-new': '1' } })
    await made.sender.drain()
    expect(made.requests).toHaveLength(3)
    for (const { url, headers } of made.requests) {
      expect(url).toBe(`${URL_OK}/moved`)
      expect(headers['x-new']).toBe('1')
    }
    await endpoints.delete(id)
    expect(await sent(made, 'a')).toBe(0)
  })

  it('of state has its way back, and refuses any other', async () => {
    const { sender } = rig()
    const { endpoints } = sender
    const { id } = await endpoints.create({ url: URL_OK })
    expect(await endpoints.resume(id)).toMatchObject({ state: 'active' })
    expect(await endpoints.pause(id, { reason: 'moving house' })).toMatchObject({
      state: 'paused',
      stateReason: 'moving house',
    })
    expect(await endpoints.pause(id)).toMatchObject({ state: 'paused', stateReason: 'moving house' })
    await expect(endpoints.enable(id)).rejects.toMatchObject({ code: 'endpoint_state_invalid' })
    await expect(endpoints.enable(id)).rejects.toThrow(/use resume/)
    expect(await endpoints.resume(id)).toMatchObject({ state: 'active', stateReason: null })
  })

  it('of a disabled endpoint: enable it, nothing else', async () => {
    const made = rig()
    const { endpoints } = made.sender
    const { id } = await endpoints.create({ url: URL_OK })
    made.transport.reply(410)
    await sent(made, 'a')
    await made.sender.drain()
    for (const verb of ['pause', 'resume'] as const) await expect(endpoints[verb](id)).rejects.toThrow(/use enable/)
    expect((await endpoints.get(id))?.health.failures).toBe(1)
    expect(await endpoints.enable(id)).toMatchObject({ state: 'active', stateReason: null, health: { failures: 0 } })
  })
})

describe('overrides', () => {
  it('merge field by field, and null returns a field, a group or all of it', async () => {
    const { sender } = rig()
    const { endpoints } = sender
    const { id } = await endpoints.create({
      url: URL_OK,
      retry: { jitter: 0, delaysMs: [5] },
      attempt: { deadlineMs: 1_000 },
      concurrency: 2,
      rateLimit: { limit: 5, perMs: 1_000 },
      allowRanges: ['10.0.0.0/8'],
    })
    const overrides = async (patch: Parameters<typeof endpoints.update>[1]) => {
      const { retry, attempt, concurrency, rateLimit, allowRanges } = await endpoints.update(id, patch)
      return { retry, attempt, concurrency, rateLimit, allowRanges }
    }
    const before = await overrides({})
    expect(before).toEqual({
      retry: { jitter: 0, delaysMs: [5] },
      attempt: { deadlineMs: 1_000 },
      concurrency: 2,
      rateLimit: { limit: 5, perMs: 1_000 },
      allowRanges: ['10.0.0.0/8'],
    })
    expect(await overrides({ retry: { retryAfterMaxMs: 7 }, attempt: { connectMs: 500 } })).toEqual({
      ...before,
      retry: { jitter: 0, delaysMs: [5], retryAfterMaxMs: 7 },
      attempt: { deadlineMs: 1_000, connectMs: 500 },
    })
    expect(await overrides({ retry: { jitter: null, delaysMs: [6] }, concurrency: null })).toMatchObject({
      retry: { delaysMs: [6], retryAfterMaxMs: 7 },
      concurrency: undefined,
    })
    expect(await overrides({ retry: null, attempt: { deadlineMs: null, connectMs: null }, rateLimit: null })).toEqual({
      ...before,
      retry: undefined,
      attempt: undefined,
      concurrency: undefined,
      rateLimit: undefined,
    })
    expect(await overrides({ allowRanges: null })).toEqual({})
  })

  it('are what attempts follow, and the sender’s setting where they were taken back', async () => {
    const made = rig({ retry: { delaysMs: [1_000, 1_000, 1_000], jitter: 0 } })
    const { id } = await made.sender.endpoints.create({ url: URL_OK, retry: { delaysMs: [50] } })
    made.transport.reply(500)
    const attempts = async () => {
      const before = made.requests.length
      await sent(made, 'a')
      await made.sender.drain({ until: new Date(made.clock.now() + 60_000) })
      return made.requests.length - before
    }
    expect(await attempts()).toBe(2)
    await made.sender.endpoints.update(id, { retry: { delaysMs: null } })
    expect(await attempts()).toBe(4)
  })

  it('other fields: null returns them, left out leaves them', async () => {
    const { sender } = rig()
    const given = { eventTypes: ['a'], description: 'd', headers: { 'x-a': '1' }, metadata: { plan: 'gold' } }
    const { id } = await sender.endpoints.create({ url: URL_OK, ...given })
    expect(await sender.endpoints.update(id, { description: 'e' })).toMatchObject({ ...given, description: 'e' })
    const nothing = { eventTypes: null, description: null, headers: null, metadata: null }
    const empty = { eventTypes: null, description: null, headers: {}, metadata: {} }
    expect(await sender.endpoints.update(id, nothing)).toMatchObject({ ...empty, url: URL_OK })
  })

  it('a range that is taken back blocks the address it let in', async () => {
    const { sender } = rig()
    const { id } = await sender.endpoints.create({ url: 'https://10.0.0.1/', allowRanges: ['10.0.0.0/8'] })
    const refused = sender.endpoints.update(id, { allowRanges: null })
    await expect(refused).rejects.toMatchObject({ code: 'endpoint_address_blocked' })
    expect(await sender.endpoints.get(id)).toMatchObject({ allowRanges: ['10.0.0.0/8'] })
  })
})

describe('addresses at creation', () => {
  it('one forbidden among many refuses the name', async () => {
    const resolve = fakeResolver({
      'inner.example': ['93.184.215.14', '10.0.0.1'],
      'gone.example': new Error('ENOTFOUND'),
    })
    const { sender } = rig({ runtime: { resolve } })
    const create = (host: string) => sender.endpoints.create({ url: `https://${host}/` })
    await expect(create('inner.example')).rejects.toMatchObject({ code: 'endpoint_address_blocked' })
    const { id } = await create('gone.example')
    const moved = sender.endpoints.update(id, { url: 'https://inner.example/' })
    await expect(moved).rejects.toMatchObject({ code: 'endpoint_address_blocked' })
    expect((await sender.endpoints.list()).items).toHaveLength(1)
  })

  it('a name that nobody answers is waited for two seconds, whether or not the resolver obeys', async () => {
    for (const resolve of [fakeResolver({ 'slow.example': 'hang' }), () => new Promise<never>(() => {})]) {
      const made = rig({ runtime: { resolve } })
      await through(made.clock, made.sender.endpoints.create({ url: 'https://slow.example/' }))
      expect(made.clock.monotonic()).toBe(2_000)
    }
  })
})

describe('the list of endpoints', () => {
  it('has those that changed since a moment: what a mirror of them asks for', async () => {
    const { sender, clock } = rig()
    const { endpoints } = sender
    const ids: string[] = []
    for (let index = 0; index < 4; index++) ids.push((await endpoints.create({ url: URL_OK })).id)
    const [one = '', two = '', three = ''] = ids
    clock.advanceBy(1_000)
    const since = new Date(clock.now())
    const changed = async (filter: object) =>
      (await endpoints.list({ changedSince: since, ...filter })).items.map(({ id }) => id)
    expect(await changed({})).toEqual([])
    await endpoints.pause(one)
    await endpoints.update(two, { description: 'new' })
    expect(await changed({})).toEqual([two, one])
    expect(await changed({ state: 'paused' })).toEqual([one])
    expect(await changed({ changedSince: since.toISOString() })).toEqual([two, one])
    clock.advanceBy(1)
    await endpoints.delete(one)
    await endpoints.update(three, { description: 'new' })
    expect((await endpoints.list({ changedSince: new Date(clock.now()) })).items.map(({ id }) => id)).toEqual([three])
    const { nextCursor } = await endpoints.list({ changedSince: since, limit: 1 })
    const otherwise = endpoints.list({ cursor: nextCursor ?? '', limit: 1 })
    await expect(otherwise).rejects.toMatchObject({ code: 'cursor_invalid' })
  })
})

describe('secrets', () => {
  it('are shown at creation and by nothing else', async () => {
    const made = rig()
    const seen: unknown[] = []
    for (const name of ['attempt', 'delivery.delivered', 'error'] as const)
      made.sender.on(name, (news) => seen.push(news))
    const { id, secret } = await made.sender.endpoints.create({ url: URL_OK })
    expect(secret).toMatch(/^whsec_/)
    await sent(made, 'a')
    await made.sender.drain()
    await quiet()
    const delivery = (await made.sender.deliveries.list()).items[0]
    seen.push(
      await made.sender.endpoints.get(id),
      await made.sender.endpoints.list(),
      await made.sender.endpoints.update(id, { description: 'x' }),
      await made.sender.endpoints.pause(id),
      await made.sender.deliveries.attempts(delivery?.id ?? ''),
      made.requests.map(({ headers, url }) => ({ headers, url })),
    )
    const raw = Buffer.from(secret.slice(6), 'base64')
    for (const form of [secret.slice(6), raw.toString('hex'), raw.toString('base64url')]) {
      expect(JSON.stringify(seen)).not.toContain(form)
    }
  })
})
