import type { Behaviour } from './behaviour.ts'
import { same } from './expect.ts'
import {
  addEndpoint,
  claim,
  claimOne,
  deliveryNow,
  dueNow,
  NOW,
  pause,
  rejected,
  resume,
  sendOne,
  settleOne,
} from './fixtures.ts'

export const hold: Behaviour[] = [
  {
    name: 'hold: a paused lane keeps its deliveries pending and gives none',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const before = await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
      await pause(storage, 'ep_a')
      const during = await sendOne(storage, { id: 'evt_b', to: ['ep_a'] })
      same(await dueNow(storage), [], 'a blocked lane is not due')
      same(await claim(storage, 'ep_a'), [], 'a blocked lane is not claimed from, granted or not')
      same(await storage.nextDueAt(), null, 'what is held never falls due as things are')
      for (const { id } of [before, during]) {
        same((await deliveryNow(storage, id)).state, 'pending', 'held is pending in a blocked lane')
      }
    },
  },
  {
    name: 'hold: resuming frees everything that was held',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
      await pause(storage, 'ep_a')
      await sendOne(storage, { id: 'evt_b', to: ['ep_a'] })
      await resume(storage, 'ep_a', NOW + 10)
      same(await dueNow(storage, NOW + 10), ['ep_a'], 'a freed lane is due')
      same((await claim(storage, 'ep_a', { now: NOW + 10 })).length, 2, 'all it held can be claimed')
    },
  },
  {
    name: 'hold: an attempt in flight is settled, its retry is held',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
      const lease = await claimOne(storage, 'ep_a')
      await pause(storage, 'ep_a')
      await settleOne(storage, rejected(lease, NOW + 1))
      same(await dueNow(storage, NOW + 2), [], 'a settlement does not free a paused lane')
      same(await claim(storage, 'ep_a', { now: NOW + 2 }), [], 'its retry is held')
    },
  },
  {
    name: 'hold: a disabled lane is blocked like a paused one',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
      const change = { id: 'ep_a', tenant: null, reason: 'failing', guard: null, now: NOW }
      await storage.changeEndpointState({ ...change, from: ['active'], to: 'disabled' })
      same(await claim(storage, 'ep_a'), [], 'a disabled endpoint gets nothing')
      await storage.changeEndpointState({ ...change, from: ['disabled'], to: 'active' })
      same((await claim(storage, 'ep_a')).length, 1, 'an enabled one gets what was held')
    },
  },
  {
    name: 'hold: the lane of a deleted endpoint is blocked for good',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
      await storage.deleteEndpoint({ id: 'ep_a', tenant: null, now: NOW })
      same(await dueNow(storage), [], 'it is not due')
      same(await claim(storage, 'ep_a'), [], 'it is not claimed from')
      same(await resume(storage, 'ep_a'), null, 'it cannot be resumed')
    },
  },
]
