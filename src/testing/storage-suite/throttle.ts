import type { Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { same } from './expect.ts'
import { addEndpoint, claim, claimOne, delivered, dueNow, NOW, rejected, sendOne, settleOne } from './fixtures.ts'

/** An endpoint with two deliveries leased. */
async function begin(storage: Storage) {
  await addEndpoint(storage, 'ep_a')
  await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
  await sendOne(storage, { id: 'evt_b', to: ['ep_a'] })
  return { first: await claimOne(storage, 'ep_a'), second: await claimOne(storage, 'ep_a') }
}

export const throttle: Behaviour[] = [
  {
    name: 'throttle: the whole lane rests until the moment that a settlement set',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
      await sendOne(storage, { id: 'evt_b', to: ['ep_a'] })
      const lease = await claimOne(storage, 'ep_a')
      await settleOne(storage, rejected(lease, NOW + 10, { blockLaneUntil: NOW + 500 }))
      await sendOne(storage, { id: 'evt_c', to: ['ep_a'], now: NOW + 1 })
      same(await dueNow(storage, NOW + 499), [], 'a resting lane is not due')
      same(await claim(storage, 'ep_a', { now: NOW + 499 }), [], 'a resting lane is not claimed from')
      same(await storage.nextDueAt(), NOW + 500, 'nextDueAt tells when the rest ends')
      same(await dueNow(storage, NOW + 500), ['ep_a'], 'it is due from then on')
      same((await claim(storage, 'ep_a', { now: NOW + 500 })).length, 3, 'with all that waited')
    },
  },
  {
    name: 'throttle: a later settlement never shortens a rest',
    async check({ storage }) {
      const { first, second } = await begin(storage)
      await settleOne(storage, rejected(first, NOW + 1, { blockLaneUntil: NOW + 500 }))
      await settleOne(storage, rejected(second, NOW + 1, { blockLaneUntil: NOW + 100 }))
      same(await dueNow(storage, NOW + 499), [], 'the longer rest holds')
      same(await dueNow(storage, NOW + 500), ['ep_a'], 'until its end')
    },
  },
  {
    name: 'throttle: a settlement without a rest leaves it as it is',
    async check({ storage }) {
      const { first, second } = await begin(storage)
      await settleOne(storage, rejected(first, NOW + 1, { blockLaneUntil: NOW + 500 }))
      await settleOne(storage, delivered(second))
      same(await dueNow(storage, NOW + 499), [], 'the rest holds')
    },
  },
  {
    name: 'throttle: enabling a disabled endpoint ends the rest, resuming a paused one does not',
    async check({ storage }) {
      const { first } = await begin(storage)
      await settleOne(storage, rejected(first, NOW + 1, { blockLaneUntil: NOW + 500 }))
      const change = { id: 'ep_a', tenant: null, reason: null, guard: null, now: NOW + 10 }
      await storage.changeEndpointState({ ...change, from: ['active'], to: 'paused' })
      await storage.changeEndpointState({ ...change, from: ['paused'], to: 'active' })
      same(await dueNow(storage, NOW + 10), [], 'the rest goes on after resume')
      await storage.changeEndpointState({ ...change, from: ['active'], to: 'disabled' })
      await storage.changeEndpointState({ ...change, from: ['disabled'], to: 'active' })
      same(await dueNow(storage, NOW + 10), ['ep_a'], 'and is over after enable')
    },
  },
]
