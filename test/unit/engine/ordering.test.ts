import { afterEach, describe, expect, it } from 'vitest'
import { memory } from '../../../src/storage/memory/index.ts'
import type { SeenRequest } from '../../../src/testing/scripted-transport.ts'
import { newEndpoint } from '../../../src/testing/storage-suite/fixtures.ts'
import { quiet, type Rig, rig, stopAll, through, URL_OK } from './rig.ts'
import { TX, transactional } from './transactional.ts'

/** Events of one ordering key reach an endpoint one after the other, and hold up nobody else. */

afterEach(stopAll)

const HOUR = 3_600_000

const dataOf = ({ json }: SeenRequest) => (json as { data: unknown }).data

const seen = ({ requests }: Rig) => requests.map(dataOf)

const send = ({ sender }: Rig, data: unknown, orderingKey?: string, more: object = {}) =>
  sender.send({ type: 'invoice.paid', data, ...(orderingKey === undefined ? {} : { orderingKey }), ...more })

describe('events of one ordering key', () => {
  it('arrive in the order in which they were sent, while the endpoint fails, and others pass by', async () => {
    const made = rig()
    await made.sender.endpoints.create({ url: URL_OK })
    let failures = 3
    made.transport.reply((request) => (dataOf(request) === 'a1' && failures-- > 0 ? 500 : 200))
    for (const [data, key] of [['a1', 'a'], ['a2', 'a'], ['b1', 'b'], ['a3', 'a'], ['free'], ['b2', 'b']] as const) {
      await send(made, data, key)
    }
    await made.sender.drain()
    expect(seen(made).toSorted()).toEqual(['a1', 'b1', 'b2', 'free'])
    await made.sender.drain({ until: new Date(made.clock.now() + 12 * HOUR) })
    expect(seen(made).filter((data) => String(data).startsWith('a'))).toEqual(['a1', 'a1', 'a1', 'a1', 'a2', 'a3'])
    expect(seen(made).filter((data) => String(data).startsWith('b'))).toEqual(['b1', 'b2'])
  })

  it('go on when one of them has failed for good', async () => {
    const made = rig({ retry: { delaysMs: [1_000] } })
    await made.sender.endpoints.create({ url: URL_OK })
    made.transport.reply((request) => (dataOf(request) === 1 ? 500 : 200))
    for (const data of [1, 2, 3]) await send(made, data, 'key')
    await made.sender.drain({ until: new Date(made.clock.now() + HOUR) })
    expect(seen(made)).toEqual([1, 1, 2, 3])
  })

  it('are delivered by a started sender without waiting for its poll', async () => {
    const made = rig({ pollMs: 60_000 })
    await made.sender.endpoints.create({ url: URL_OK })
    await made.sender.start()
    for (let data = 0; data < 5; data++) await send(made, data, 'key')
    const began = made.clock.now()
    while (made.requests.length < 5 && made.clock.now() - began < 1_000) {
      await quiet()
      made.clock.advanceBy(10)
    }
    expect(seen(made)).toEqual([0, 1, 2, 3, 4])
  })

  it('tell that they wait: pending, without a next attempt', async () => {
    const made = rig()
    await made.sender.endpoints.create({ url: URL_OK })
    await send(made, 1, 'key')
    const { id } = await send(made, 2, 'key')
    expect((await made.sender.events.get(id))?.orderingKey).toBe('key')
    const { items } = await made.sender.deliveries.list({ eventId: id })
    expect(items).toMatchObject([{ state: 'pending', nextAttemptAt: null }])
  })

  it('are in order at each of many endpoints, though one of them is addressed to one alone', async () => {
    const made = rig()
    for (let index = 0; index < 300; index++) {
      const secrets = [{ value: `whsec_${'A'.repeat(32)}`, createdAt: 0, expiresAt: null }]
      const id = `ep_${String(index).padStart(3, '0')}`
      const endpoint = newEndpoint(id, { eventTypes: null, overrides: {}, secrets })
      await made.storage.createEndpoint({ endpoint, now: made.clock.now() })
    }
    const orders = [
      await send(made, 'to all', 'key'),
      await send(made, 'to one', 'key', { endpoints: ['ep_299'] }),
      await send(made, 'to nobody', 'key', { tenant: 'empty' }),
      await send(made, 'to all again', 'key'),
      await send(made, 'without a key'),
    ]
    // The second stands behind the first, whose fan-out is not over; another tenant's key is another key.
    expect(orders.map(({ deliveries }) => deliveries)).toEqual([null, null, 0, null, null])
    await made.sender.drain()
    const ofLast = made.requests.filter(({ url }) => url.endsWith('ep_299')).map(dataOf)
    expect(ofLast.filter((data) => data !== 'without a key')).toEqual(['to all', 'to one', 'to all again'])
    expect(made.requests).toHaveLength(300 * 3 + 1)
  })

  it('of which one matches no endpoint do not wait for ever', async () => {
    const made = rig()
    await made.sender.endpoints.create({ url: URL_OK, eventTypes: ['invoice.*'] })
    for (let index = 0; index < 257; index++) {
      await made.storage.createEndpoint({ endpoint: newEndpoint(`ep_${index}`), now: made.clock.now() })
    }
    await send(made, 1, 'key')
    const { deliveries } = await made.sender.send({ type: 'user.left', data: 2, orderingKey: 'key' })
    expect(deliveries).toBeNull()
    await send(made, 3, 'key')
    await made.sender.drain()
    expect(made.requests.filter(({ url }) => url === URL_OK).map(dataOf)).toEqual([1, 3])
  })
})

describe('an event within a transaction of the host’s', () => {
  it('is fanned out by whoever delivers, soon after its commit', async () => {
    const made = rig({ storage: transactional(), pollMs: 60_000 })
    await made.sender.endpoints.create({ url: URL_OK })
    await made.sender.start()
    await quiet()
    const { sendIn } = made.sender as unknown as { sendIn(tx: string, event: object): Promise<{ id: string }> }
    const { id } = await sendIn(TX, { type: 'a', data: 1 })
    const began = made.clock.now()
    while (made.requests.length === 0 && made.clock.now() - began < 500) {
      await quiet()
      made.clock.advanceBy(10)
    }
    expect(made.requests.map(({ headers }) => headers['webhook-id'])).toEqual([id])
  })

  it('goes to the endpoints that it is addressed to, and to none that is not there', async () => {
    const made = rig({ storage: transactional() })
    const one = await made.sender.endpoints.create({ url: `${URL_OK}/1` })
    await made.sender.endpoints.create({ url: `${URL_OK}/2` })
    const { sendIn } = made.sender as unknown as { sendIn(tx: string, event: object): Promise<{ duplicate: boolean }> }
    const event = { type: 'a', data: 1, endpoints: [one.id, 'ep_none'], idempotencyKey: 'k' }
    expect(await sendIn(TX, event)).toMatchObject({ duplicate: false })
    expect(await sendIn(TX, event)).toMatchObject({ duplicate: true })
    await made.sender.drain()
    expect(made.requests.map(({ url }) => url)).toEqual([`${URL_OK}/1`])
  })

  it('is refused by a storage that knows no transactions', async () => {
    const made = rig()
    const sendIn = made.sender.sendIn as unknown as (tx: string, event: object) => unknown
    expect(() => sendIn(TX, { type: 'a', data: 1 })).toThrow(
      expect.objectContaining({ code: 'transactions_unsupported', message: expect.stringContaining('send()') }),
    )
  })
})

describe('hints of work', () => {
  it('are followed at once, but not more often than every 50 ms, until the sender stops', async () => {
    let hint = () => {}
    let ended = 0
    const onWork = (listener: () => void) => {
      hint = listener
      return () => {
        ended++
      }
    }
    const made = rig({ pollMs: 60_000, storage: { ...memory(), onWork } })
    await made.sender.start()
    await quiet()
    const looks = () => made.storage.calls.get('pendingFanOuts') ?? 0
    const before = looks()
    for (let step = 0; step < 100; step++) {
      hint()
      made.clock.advanceBy(10)
      await quiet(5)
    }
    // A second of hints.
    expect(looks() - before).toBeGreaterThan(10)
    expect(looks() - before).toBeLessThanOrEqual(21)
    await through(made.clock, made.sender.stop())
    expect(ended).toBe(1)
  })
})
