import { afterEach, describe, expect, it } from 'vitest'
import type { InsertEventsInput } from '../../../src/ports/storage.ts'
import { quiet, type Rig, rig, stopAll, through, URL_OK } from './rig.ts'

/** Which deliveries are inserted leased to this process, and so need no claim. */

afterEach(stopAll)

const event = { type: 'a', data: 1 }

/** How many deliveries each insert asked to have leased, since the last look. */
function leasesAsked(made: Rig): number[] {
  const inserts = made.storage.inputs.filter(({ method }) => method === 'insertEvents')
  made.storage.inputs.length = 0
  return inserts.flatMap(({ input }) =>
    (input as InsertEventsInput).events.map(
      ({ deliveries }) => deliveries.filter((one) => one.leaseUntil !== null).length,
    ),
  )
}

async function started(options: Parameters<typeof rig>[0] = {}, endpoints: object[] = [{}]) {
  const made = rig({ concurrency: { total: 8, perEndpoint: 4 }, ...options })
  const ids: string[] = []
  for (const more of endpoints) ids.push((await made.sender.endpoints.create({ url: URL_OK, ...more })).id)
  await made.sender.start()
  await quiet()
  made.storage.inputs.length = 0
  return { ...made, ids }
}

describe('the fast lane', () => {
  it('saves the claim', async () => {
    const made = await started()
    await made.sender.send(event)
    await quiet()
    expect(made.requests).toHaveLength(1)
    expect(made.storage.calls.get('claimDue') ?? 0).toBe(0)
    expect(leasesAsked(made)).toEqual([1])
  })

  it('is closed while the sender is not started', async () => {
    const made = rig()
    await made.sender.endpoints.create({ url: URL_OK })
    await made.sender.send(event)
    expect(leasesAsked(made)).toEqual([0])
    expect(made.requests).toHaveLength(0)
  })

  it('is not for what is due later, nor for endpoints that are not active', async () => {
    const made = await started({}, [{}, {}])
    await made.sender.endpoints.pause(made.ids[0] ?? '')
    await made.sender.send({ ...event, deliverAt: new Date(made.clock.now() + 1) })
    await made.sender.send(event)
    expect(leasesAsked(made)).toEqual([0, 1])
  })

  it('takes no more than there are slots, for an endpoint and over all', async () => {
    const made = await started({}, [{}, {}, {}, {}])
    // Each answer adds a slot.
    for (let answers = 0; answers < 4; answers++) {
      await made.sender.send(event)
      await quiet()
    }
    leasesAsked(made)
    made.transport.reply('hang')
    for (let index = 0; index < 6; index++) await made.sender.send(event)
    const asked = leasesAsked(made)
    expect(asked.slice(0, 2)).toEqual([4, 4])
    expect(asked.slice(2)).toEqual([0, 0, 0, 0])
    expect((await made.sender.health()).inFlight).toBe(8)
  })

  it('keeps half of the free room for claims while there is a backlog', async () => {
    const made = rig({ concurrency: { total: 16, perEndpoint: 4 } })
    await made.sender.endpoints.create({ url: URL_OK, eventTypes: ['waiting'] })
    for (let index = 0; index < 10; index++) await made.sender.endpoints.create({ url: URL_OK, eventTypes: ['a'] })
    await made.sender.send({ ...event, type: 'waiting' })
    let claim: () => void = () => {}
    made.storage.tamper('claimDue', async (call) => {
      await new Promise<void>((resolve) => (claim = resolve))
      return call()
    })
    await made.sender.start()
    await quiet()
    leasesAsked(made)
    // The claim that is under way has taken one of sixteen: half of what is free is seven.
    await made.sender.send(event)
    expect(leasesAsked(made)).toEqual([7])
    made.storage.heal()
    claim()
    await quiet()
    expect(made.requests).toHaveLength(11)
    await made.sender.send(event)
    expect(leasesAsked(made)).toEqual([10])
  })

  it('leaves a struggling endpoint its one slot', async () => {
    const made = await started({ retry: { delaysMs: [3_600_000] } })
    made.transport.reply({ fail: 'refused' })
    await made.sender.send(event)
    await quiet()
    leasesAsked(made)
    made.transport.reply('hang')
    for (let index = 0; index < 3; index++) await made.sender.send(event)
    await quiet()
    expect(leasesAsked(made)).toEqual([1, 0, 0])
    expect((await made.sender.health()).inFlight).toBe(1)
  })

  it('is closed while results can not be written', async () => {
    const types = ['a', 'b', 'c']
    const made = await started(
      {},
      types.map((type) => ({ eventTypes: [type] })),
    )
    let answer: () => void = () => {}
    made.storage.tamper('settle', async (call) => {
      await new Promise<void>((resolve) => (answer = resolve))
      return call()
    })
    await made.sender.send(event)
    await quiet()
    made.clock.advanceBy(5_000)
    await made.sender.send({ ...event, type: 'b' })
    made.clock.advanceBy(1)
    await made.sender.send({ ...event, type: 'c' })
    expect(leasesAsked(made)).toEqual([1, 1, 0])
    made.storage.heal()
    answer()
  })

  it('is closed while the sender is stopping, which still accepts', async () => {
    const made = await started()
    made.transport.reply({ status: 200, delayMs: 5_000 })
    await made.sender.send(event)
    const stopping = made.sender.stop({ graceMs: 60_000 })
    await quiet()
    const { id } = await made.sender.send({ ...event, type: 'late' })
    expect(leasesAsked(made)).toEqual([1, 0])
    await through(made.clock, stopping)
    expect(made.requests).toHaveLength(1)
    const page = { limit: 10, examine: 10, after: null }
    const { items } = await made.storage.listDeliveries({ selection: { eventId: id }, ...page })
    expect(items).toMatchObject([{ state: 'pending', attemptCount: 0 }])
  })

  it('gives its permit back when the event turns out a duplicate', async () => {
    const made = await started({ concurrency: { total: 1, perEndpoint: 1 } })
    for (let index = 0; index < 5; index++) await made.sender.send({ ...event, idempotencyKey: 'k' })
    await quiet()
    await made.sender.send(event)
    await quiet()
    expect(made.requests).toHaveLength(2)
    expect(leasesAsked(made)).toEqual([1, 1, 1, 1, 1, 1])
  })

  it('is used neither for a lane that has something due, nor ahead of it', async () => {
    const made = rig({ concurrency: { total: 8, perEndpoint: 4 } })
    await made.sender.endpoints.create({ url: URL_OK })
    for (let index = 0; index < 6; index++) await made.sender.send({ ...event, data: index })
    made.transport.reply({ status: 200, delayMs: 10 })
    await made.sender.start()
    await quiet(1)
    await made.sender.send({ ...event, data: 6 })
    await through(made.clock, made.sender.deliveries.list())
    for (let turn = 0; turn < 20 && made.requests.length < 7; turn++) {
      await quiet()
      made.clock.advanceBy(10)
    }
    await quiet()
    expect(made.requests.map(({ json }) => (json as { data: number }).data)).toEqual([0, 1, 2, 3, 4, 5, 6])
  })
})
