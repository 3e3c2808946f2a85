import type { Behaviour } from './behaviour.ts'
import { matches, same } from './expect.ts'
import {
  addEndpoint,
  claim,
  claimOne,
  collect,
  deliveryNow,
  dueNow,
  NOW,
  newEvent,
  offer,
  pause,
  rejected,
  send,
  sendOne,
  settleOne,
  versionOf,
  WORKER,
} from './fixtures.ts'

export const durability: Behaviour[] = [
  {
    name: 'durability: events, deliveries, attempts and endpoints are there after closing and opening',
    needs: 'durable',
    async check({ storage, reopen }) {
      const endpoint = await addEndpoint(storage, 'ep_a')
      const { event, ...given } = await newEvent(storage, { id: 'evt_a', key: 'k', to: ['ep_a'] })
      await storage.insertEvents({ now: NOW, worker: WORKER, events: [{ event, ...given }] })
      const lease = await claimOne(storage, 'ep_a')
      const settlement = rejected(lease, NOW + 10, { observation: null })
      await settleOne(storage, settlement)
      const delivery = await deliveryNow(storage, lease.deliveryId)

      const again = await reopen()
      same(await again.getEvent({ id: 'evt_a', tenant: null }), event, 'the event, byte for byte')
      same(await deliveryNow(again, lease.deliveryId), delivery, 'the delivery')
      const attempts = await collect((page) => again.listAttempts({ deliveryId: lease.deliveryId, ...page }))
      same(attempts, [settlement.attempt], 'the attempt')
      same(await again.getEndpoint({ id: 'ep_a', tenant: null }), endpoint, 'the endpoint')
      same(await versionOf(again), endpoint.createdVersion, 'the endpoint-set version')
      same((await offer(again, { id: 'evt_b', key: 'k' })).status, 'duplicate', 'the idempotency key')
    },
  },
  {
    name: 'durability: lanes and leases go on as they were',
    needs: 'durable',
    async check({ storage, reopen }) {
      const endpoints = ['ep_due', 'ep_held', 'ep_rests', 'ep_leased']
      for (const id of endpoints) await addEndpoint(storage, id)
      await send(storage, { id: 'evt_a', to: endpoints })
      await pause(storage, 'ep_held')
      const rest = { blockLaneUntil: NOW + 500 }
      await settleOne(storage, rejected(await claimOne(storage, 'ep_rests'), NOW, rest))
      const lease = await claimOne(storage, 'ep_leased', { leaseUntil: NOW + 900 })

      const again = await reopen()
      same(await dueNow(again, NOW + 499), ['ep_due'], 'what was due is due, what was blocked is blocked')
      same(await claim(again, 'ep_held'), [], 'held stays held')
      const [expired] = await again.expiredLeases({ now: NOW + 901, limit: 10 })
      same(expired, { ...lease, worker: WORKER, type: 'invoice.paid' }, 'a lease of before expires')
      matches(await claimOne(again, 'ep_rests', { now: NOW + 500 }), { claim: 2, step: 1 }, 'claim numbers go on')
    },
  },
  {
    name: 'durability: a replay and a fan-out go on where they were',
    needs: 'durable',
    async check({ storage, reopen }) {
      await addEndpoint(storage, 'ep_a')
      await offer(storage, { id: 'evt_fans_out', fanOut: 'background' })
      for (const id of ['evt_a', 'evt_b']) {
        await sendOne(storage, { id, to: ['ep_a'] })
        const lease = await claimOne(storage, 'ep_a')
        const next = { state: 'failed' as const, reason: 'retry_refused' as const, endedAt: NOW }
        await settleOne(storage, rejected(lease, NOW, { next }))
      }
      await storage.createReplay({ id: 'rpl_a', kind: 'replay', selection: {}, perSecond: null, total: 2, now: NOW })
      await storage.stepReplay({ replayId: 'rpl_a', now: NOW, limit: 1, examine: 10 })

      const again = await reopen()
      same((await again.pendingFanOuts({ limit: 10 })).length, 1, 'the fan-out is still pending')
      const [running] = await again.runningReplays({ limit: 10 })
      matches(running ?? null, { id: 'rpl_a', requeued: 1 }, 'the replay is still running')
      await again.stepReplay({ replayId: 'rpl_a', now: NOW, limit: 10, examine: 10 })
      matches(await again.getReplay('rpl_a'), { requeued: 2 }, 'it goes on behind its cursor')
    },
  },
]
