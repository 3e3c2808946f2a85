import type { Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { same } from './expect.ts'
import { addEndpoint, deliveriesOf, dueNow, NOW, offer, versionOf } from './fixtures.ts'

async function begin(storage: Storage): Promise<void> {
  for (const id of ['ep_a', 'ep_b', 'ep_c']) await addEndpoint(storage, id)
  await offer(storage, { id: 'evt_a', fanOut: 'background' })
}

function slice(storage: Storage, from: string, to: string | null, endpoints: string[]): Promise<boolean> {
  const deliveries = endpoints.map((endpointId) => ({ endpointId, dueAt: NOW, leaseUntil: null }))
  return storage.insertSlice({ now: NOW, eventId: 'evt_a', from, to, deliveries })
}

async function reached(storage: Storage): Promise<string[]> {
  return (await deliveriesOf(storage, 'evt_a')).map(({ endpointId }) => endpointId).sort()
}

export const fanOutSlices: Behaviour[] = [
  {
    name: 'fan-out: an event for the background is written alone, and waits with an empty cursor',
    async check({ storage }) {
      await begin(storage)
      const endpointsVersion = await versionOf(storage)
      await addEndpoint(storage, 'ep_later')
      same(await reached(storage), [], 'no delivery is written with the event')
      const event = { id: 'evt_a', tenant: 'default', type: 'invoice.paid', deliverAt: NOW }
      same(
        await storage.pendingFanOuts({ limit: 10 }),
        [{ event, endpointsVersion, endpointIds: null, cursor: '' }],
        'a pending fan-out tells its event, the version of its acceptance, and its cursor',
      )
    },
  },
  {
    name: 'fan-out: each slice writes its deliveries and moves the cursor, the last one ends it',
    async check({ storage }) {
      await begin(storage)
      same(await slice(storage, '', 'ep_b', ['ep_a', 'ep_b']), true, 'the first slice is written')
      same(await reached(storage), ['ep_a', 'ep_b'], 'the deliveries of the slice are there')
      const [pending] = await storage.pendingFanOuts({ limit: 10 })
      same(pending?.cursor, 'ep_b', 'the cursor has moved')
      same(await slice(storage, 'ep_b', null, ['ep_c']), true, 'the last slice is written')
      same(await storage.pendingFanOuts({ limit: 10 }), [], 'a fan-out that has ended is not pending')
      same((await dueNow(storage)).sort(), ['ep_a', 'ep_b', 'ep_c'], 'what a slice wrote falls due')
    },
  },
  {
    name: 'fan-out: a slice made from another cursor writes nothing',
    async check({ storage }) {
      await begin(storage)
      await slice(storage, '', 'ep_a', ['ep_a'])
      same(await slice(storage, '', 'ep_b', ['ep_a', 'ep_b']), false, 'the cursor had moved')
      same(await reached(storage), ['ep_a'], 'nothing was written')
      await slice(storage, 'ep_a', null, [])
      same(await slice(storage, 'ep_a', null, ['ep_b']), false, 'the fan-out had ended')
      same(await reached(storage), ['ep_a'], 'nothing was written after the end')
      const unknown = { now: NOW, eventId: 'evt_none', from: '', to: null, deliveries: [] }
      same(await storage.insertSlice(unknown), false, 'there is no such event')
    },
  },
  {
    name: 'fan-out: a delivery that exists already is left as it is',
    async check({ storage }) {
      await begin(storage)
      await slice(storage, '', 'ep_a', ['ep_a'])
      const [before] = await deliveriesOf(storage, 'evt_a')
      await slice(storage, 'ep_a', null, ['ep_a', 'ep_b'])
      same(await reached(storage), ['ep_a', 'ep_b'], 'an event has one delivery per endpoint')
      const after = (await deliveriesOf(storage, 'evt_a')).find(({ endpointId }) => endpointId === 'ep_a')
      same(after, before, 'the delivery of the earlier slice is unchanged')
    },
  },
  {
    name: 'fan-out: the oldest events come first, no more than asked for',
    async check({ storage }) {
      for (const [index, id] of ['evt_a', 'evt_b', 'evt_c'].entries()) {
        await offer(storage, { id, fanOut: 'background', now: NOW + index })
      }
      const pending = await storage.pendingFanOuts({ limit: 2 })
      same(
        pending.map(({ event }) => event.id),
        ['evt_a', 'evt_b'],
        'oldest first, up to the limit',
      )
    },
  },
]
