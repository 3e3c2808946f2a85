import type { DeliveryRecord } from '../../model/delivery.ts'
import type { Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { matches, same } from './expect.ts'
import {
  addEndpoint,
  claimOne,
  delivered,
  deliveryNow,
  NOW,
  pause,
  rejected,
  resume,
  send,
  sendOne,
  settleOne,
} from './fixtures.ts'

const LATER = NOW + 1_000

function cancelHeld(storage: Storage, heldBefore: number, limit = 100): Promise<DeliveryRecord[]> {
  return storage.cancelHeld({ now: LATER, heldBefore, limit })
}

function eventIds(deliveries: DeliveryRecord[]): string[] {
  return deliveries.map(({ eventId }) => eventId).sort()
}

export const cancelingHeld: Behaviour[] = [
  {
    name: 'cancel held: what was held, and due, since before is canceled; the rest waits on',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const old = await sendOne(storage, { id: 'evt_old', to: ['ep_a'] })
      await sendOne(storage, { id: 'evt_due_later', to: ['ep_a'], dueAt: NOW + 500 })
      await pause(storage, 'ep_a', NOW + 100)
      same(await cancelHeld(storage, NOW + 100), [], 'nothing before the lane was held for so long')
      const canceled = await cancelHeld(storage, NOW + 101)
      same(eventIds(canceled), ['evt_old'], 'what was due since before as well')
      matches(
        canceled[0] ?? null,
        { id: old.id, state: 'canceled', reason: 'hold_expired', endedAt: LATER, nextAttemptAt: null },
        'canceled as hold_expired, at that moment',
      )
      same(await deliveryNow(storage, old.id), canceled[0] ?? null, 'the answer is what is kept')
      same(eventIds(await cancelHeld(storage, NOW + 501)), ['evt_due_later'], 'the rest when its time has come')
    },
  },
  {
    name: 'cancel held: a lane that went from paused to disabled was held all along',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
      await pause(storage, 'ep_a', NOW + 10)
      const change = { id: 'ep_a', tenant: null, reason: 'decided', guard: null, now: NOW + 900 }
      await storage.changeEndpointState({ ...change, from: ['paused'], to: 'disabled' })
      same(eventIds(await cancelHeld(storage, NOW + 11)), ['evt_a'], 'held since it was paused')
    },
  },
  {
    name: 'cancel held: not in lanes that are open, resting or free again',
    async check({ storage }) {
      for (const id of ['ep_open', 'ep_rests', 'ep_free']) await addEndpoint(storage, id)
      await send(storage, { id: 'evt_a', to: ['ep_open', 'ep_rests', 'ep_free'] })
      const lease = await claimOne(storage, 'ep_rests')
      await settleOne(storage, rejected(lease, NOW, { blockLaneUntil: NOW + 10_000 }))
      await pause(storage, 'ep_free')
      await resume(storage, 'ep_free')
      same(await cancelHeld(storage, NOW + 900), [], 'only held deliveries are canceled')
    },
  },
  {
    name: 'cancel held: deliveries of a deleted endpoint at once, but for those in flight',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await sendOne(storage, { id: 'evt_flying', to: ['ep_a'] })
      const lease = await claimOne(storage, 'ep_a')
      await sendOne(storage, { id: 'evt_due', to: ['ep_a'] })
      await sendOne(storage, { id: 'evt_later', to: ['ep_a'], dueAt: NOW + 99_000 })
      await storage.deleteEndpoint({ id: 'ep_a', tenant: null, now: LATER })
      const canceled = await cancelHeld(storage, NOW)
      same(eventIds(canceled), ['evt_due', 'evt_later'], 'due or not')
      same([...new Set(canceled.map(({ reason }) => reason))], ['endpoint_deleted'], 'canceled as endpoint_deleted')
      await settleOne(storage, delivered(lease), LATER)
      same((await deliveryNow(storage, lease.deliveryId)).state, 'delivered', 'a result in flight is still recorded')
    },
  },
  {
    name: 'cancel held: no more than told; fewer means that none is left',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await addEndpoint(storage, 'ep_b')
      for (const id of ['evt_a', 'evt_b', 'evt_c'])
        await sendOne(storage, { id, to: [id === 'evt_c' ? 'ep_b' : 'ep_a'] })
      await pause(storage, 'ep_a')
      await pause(storage, 'ep_b')
      const first = await cancelHeld(storage, NOW + 1, 2)
      const second = await cancelHeld(storage, NOW + 1, 2)
      same([first.length, second.length], [2, 1], 'a full answer, then what is left')
      same(eventIds([...first, ...second]), ['evt_a', 'evt_b', 'evt_c'], 'each once')
    },
  },
]
