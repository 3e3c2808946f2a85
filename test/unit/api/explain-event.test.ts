import { afterEach, describe, expect, it } from 'vitest'
import type { Explanation } from '../../../src/api/explain-event.ts'
import { type Rig, rig, stopAll, URL_OK } from '../engine/rig.ts'

afterEach(stopAll)

const DAY = 86_400_000
const event = { type: 'invoice.paid', data: 1 }

async function create({ sender, clock }: Rig, eventTypes: string[] | null = null): Promise<string> {
  const { id } = await sender.endpoints.create({ url: URL_OK, eventTypes })
  // What is changed in one millisecond with an event can not be told from what was changed before it.
  clock.advanceBy(1)
  return id
}

async function all({ sender }: Rig, eventId: string, limit = 50): Promise<Explanation[]> {
  const items: Explanation[] = []
  for (let cursor: string | undefined; ; ) {
    const page = await sender.events.explain(eventId, { limit, ...(cursor === undefined ? {} : { cursor }) })
    items.push(...page.items)
    if (page.nextCursor === null) return items
    cursor = page.nextCursor
  }
}

/** By endpoint: whether it matched, why, and whether there is a delivery. */
async function reasons(made: Rig, eventId: string): Promise<Record<string, [boolean, string, boolean]>> {
  const items = await all(made, eventId)
  return Object.fromEntries(
    items.map(({ endpointId, matched, reason, deliveryId }) => [endpointId, [matched, reason, deliveryId !== null]]),
  )
}

describe('explaining an event', () => {
  it('says for each endpoint of now whether it is for it, and why', async () => {
    const made = rig()
    const { endpoints } = made.sender
    const wants = await create(made, ['invoice.*'])
    const other = await create(made, ['user.*'])
    const left = await create(made)
    const came = await create(made, ['user.*'])
    const { id } = await made.sender.send(event)
    made.clock.advanceBy(1)
    const late = await create(made)
    const filled = await create(made)
    await endpoints.update(left, { eventTypes: ['user.*'] })
    await endpoints.update(came, { eventTypes: null })
    await made.sender.backfill({ endpointId: filled })
    await made.sender.drain()
    expect(await reasons(made, id)).toEqual({
      [wants]: [true, 'type_matches', true],
      [other]: [false, 'type_differs', false],
      [left]: [true, 'changed_since', true],
      [came]: [false, 'changed_since', false],
      [late]: [false, 'created_later', false],
      [filled]: [true, 'backfilled', true],
    })
  })

  it('names the delivery, where to look on', async () => {
    const made = rig()
    await create(made)
    const { id } = await made.sender.send(event)
    const [explained] = await all(made, id)
    expect(await made.sender.deliveries.get(explained?.deliveryId ?? '')).toMatchObject({
      eventId: id,
      endpointId: explained?.endpointId,
    })
  })

  it('of an addressed event goes by its addresses', async () => {
    const made = rig()
    const [named, beside] = [await create(made, ['user.*']), await create(made)]
    const { id } = await made.sender.send({ ...event, endpoints: [named] })
    expect(await reasons(made, id)).toEqual({
      [named]: [true, 'addressed', true],
      [beside]: [false, 'not_addressed', false],
    })
  })

  it('knows what is still being written, and what was canceled before', async () => {
    const made = rig()
    for (let index = 0; index < 257; index++) await made.sender.endpoints.create({ url: URL_OK })
    made.clock.advanceBy(1)
    const { id } = await made.sender.send(event)
    expect((await all(made, id, 200)).map(({ reason }) => reason)).toEqual(Array(257).fill('still_fanning_out'))
    await made.sender.events.cancel(id)
    const canceled = await all(made, id, 200)
    expect(canceled).toHaveLength(257)
    for (const one of canceled) expect(one).toMatchObject({ matched: true, reason: 'event_canceled', deliveryId: null })
  })

  it('of a canceled event with its deliveries still says why it was for each', async () => {
    const made = rig()
    const endpointId = await create(made)
    const { id } = await made.sender.send(event)
    await made.sender.events.cancel(id)
    expect(await reasons(made, id)).toEqual({ [endpointId]: [true, 'type_matches', true] })
  })

  it('tells a delivery that retention removed from one that never was', async () => {
    const made = rig({ retry: { delaysMs: [] }, disable: false })
    const [well, failing] = [await create(made), await create(made)]
    await made.sender.endpoints.update(failing, { url: `${URL_OK}/failing` })
    made.clock.advanceBy(1)
    made.transport.reply(({ url }) => (url.endsWith('/failing') ? 500 : 200))
    const { id } = await made.sender.send(event)
    await made.sender.drain()
    made.clock.advanceBy(8 * DAY)
    await made.sender.drain()
    expect(await reasons(made, id)).toEqual({
      [well]: [true, 'delivery_removed', false],
      [failing]: [true, 'type_matches', true],
    })
  })

  it('leaves deleted endpoints out, even with deliveries', async () => {
    const made = rig()
    const endpointId = await create(made)
    const { id } = await made.sender.send(event)
    await made.sender.endpoints.delete(endpointId)
    expect(await made.sender.events.explain(id)).toEqual({ items: [], nextCursor: null })
    expect((await made.sender.deliveries.list({ eventId: id })).items).toHaveLength(1)
  })

  it('goes page by page, newest endpoint first, over the event’s tenant alone', async () => {
    const made = rig()
    const ids: string[] = []
    for (let index = 0; index < 7; index++) ids.unshift(await create(made))
    await made.sender.endpoints.create({ tenant: 'other', url: URL_OK })
    const { id } = await made.sender.send(event)
    const first = await made.sender.events.explain(id, { limit: 3 })
    expect(first.items).toHaveLength(3)
    expect((await all(made, id, 3)).map(({ endpointId }) => endpointId)).toEqual(ids)
    const { id: another } = await made.sender.send(event)
    const cursor = first.nextCursor ?? ''
    await expect(made.sender.events.explain(another, { cursor })).rejects.toMatchObject({ code: 'cursor_invalid' })
  })

  it('asks nothing about deliveries where there is no endpoint', async () => {
    const made = rig()
    const { id } = await made.sender.send(event)
    expect(await made.sender.events.explain(id)).toEqual({ items: [], nextCursor: null })
    expect(made.storage.calls.get('deliveriesOf')).toBeUndefined()
  })
})
