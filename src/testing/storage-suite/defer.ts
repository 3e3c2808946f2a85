import type { Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { same } from './expect.ts'
import { addEndpoint, claimOne, delivered, dueNow, NOW, sendOne, settleOne, WORKER } from './fixtures.ts'

function defer(storage: Storage, endpointId: string, until: number): Promise<unknown> {
  return storage.claimDue({ now: NOW, worker: WORKER, room: [], defer: [{ endpointId, until }] })
}

export const deferral: Behaviour[] = [
  {
    name: 'defer: a lane is not shown again before its time, others are',
    async check({ storage }) {
      for (const id of ['ep_a', 'ep_b']) {
        await addEndpoint(storage, id)
        await sendOne(storage, { id: `evt_${id}`, to: [id] })
      }
      await defer(storage, 'ep_a', NOW + 100)
      same(await dueNow(storage, NOW + 99), ['ep_b'], 'a deferred lane is not shown before')
      same((await dueNow(storage, NOW + 100)).sort(), ['ep_a', 'ep_b'], 'it is shown from then on')
      await claimOne(storage, 'ep_b')
      same(await storage.nextDueAt(), NOW + 100, 'nextDueAt tells when it is shown again')
    },
  },
  {
    name: 'defer: a settlement in the lane ends it',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
      await sendOne(storage, { id: 'evt_b', to: ['ep_a'] })
      const lease = await claimOne(storage, 'ep_a')
      await defer(storage, 'ep_a', NOW + 10_000)
      await settleOne(storage, delivered(lease), NOW + 1)
      same(await dueNow(storage, NOW + 1), ['ep_a'], 'the slot that came free can be used at once')
    },
  },
  {
    name: 'defer: a new delivery does not end it',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
      await defer(storage, 'ep_a', NOW + 100)
      await sendOne(storage, { id: 'evt_b', to: ['ep_a'], now: NOW + 1 })
      same(await dueNow(storage, NOW + 2), [], 'only a settlement or its time ends a deferral')
    },
  },
]
