import type { Behaviour } from './behaviour.ts'
import { holds, matches, same } from './expect.ts'
import {
  addEndpoint,
  cancelEvent,
  claim,
  claimedEvents,
  claimOne,
  deliver,
  deliveriesOf,
  deliveryNow,
  dueNow,
  NOW,
  offer,
  pause,
  rejected,
  resume,
  send,
  sendOne,
  settleAll,
  settleOne,
} from './fixtures.ts'

const LATER = NOW + 1_000

const pendingOnes: Behaviour[] = [
  {
    name: 'cancel event: it is marked, and its pending deliveries are canceled at that moment',
    async check({ storage }) {
      const ids = ['ep_due', 'ep_later', 'ep_retried']
      for (const id of ids) await addEndpoint(storage, id)
      await send(storage, { id: 'evt_a', to: ['ep_due', 'ep_retried'] })
      await settleOne(storage, rejected(await claimOne(storage, 'ep_retried'), NOW + 500))
      await send(storage, { id: 'evt_b', to: ['ep_later'], dueAt: NOW + 99_000 })
      const canceled = await cancelEvent(storage, { id: 'evt_a', now: LATER })
      holds(!('body' in canceled.event), 'the event comes without its bytes')
      const kept = await storage.getEvent({ id: 'evt_a', tenant: null })
      same({ ...canceled.event, body: kept?.body }, { ...kept }, 'but with all else, as it is kept')
      same(canceled.event.canceledAt, LATER, 'marked as canceled')
      same(canceled.canceled.map(({ endpointId }) => endpointId).sort(), ['ep_due', 'ep_retried'], 'due, and retried')
      const expected = { state: 'canceled', reason: 'event_canceled', endedAt: LATER, nextAttemptAt: null } as const
      for (const one of canceled.canceled) {
        matches(one, expected, 'each with its reason')
        same(await deliveryNow(storage, one.id), one, 'the answer is what is kept')
      }
      same(await dueNow(storage, LATER), [], 'nothing of it is due')
      same(await storage.nextDueAt(), NOW + 99_000, "another event's delivery waits on")
    },
  },
  {
    name: 'cancel event: of its lanes only its own deliveries are taken',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      for (const id of ['evt_a', 'evt_b', 'evt_c']) await sendOne(storage, { id, to: ['ep_a'] })
      same((await cancelEvent(storage, { id: 'evt_a' })).canceled.length, 1, 'one of three')
      same(await dueNow(storage), ['ep_a'], 'the lane has more to give')
      matches(await storage.stats({ now: NOW, countMax: 10 }), { pending: 2, oldestDueAt: NOW }, 'two are pending')
      same(await claimedEvents(storage, 'ep_a'), ['evt_b', 'evt_c'], 'the others')
    },
  },
  {
    name: 'cancel event: deliveries at rest stay as they are',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const delivery = await deliver(storage, 'evt_a', 'ep_a')
      const { event, canceled } = await cancelEvent(storage, { id: 'evt_a', now: LATER })
      same(canceled, [], 'nothing was left to cancel')
      same(event.canceledAt, LATER, 'the event is canceled all the same')
      same(await deliveryNow(storage, delivery.id), delivery, 'what was delivered was delivered')
    },
  },
  {
    name: 'cancel event: held deliveries, too',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_paused')
      await addEndpoint(storage, 'ep_rests')
      await send(storage, { id: 'evt_a', to: ['ep_paused', 'ep_rests'] })
      const rest = { blockLaneUntil: LATER }
      await settleOne(storage, rejected(await claimOne(storage, 'ep_rests'), NOW, rest))
      await pause(storage, 'ep_paused')
      same((await cancelEvent(storage, { id: 'evt_a' })).canceled.length, 2, 'in blocked lanes')
      same(await storage.cancelHeld({ now: LATER, heldBefore: LATER, limit: 10 }), [], 'they are held no more')
      await resume(storage, 'ep_paused', LATER)
      same(await dueNow(storage, LATER), [], 'nothing is left in their lanes')
    },
  },
  {
    name: 'cancel event: no more than told, and the next call goes on; fewer means that none is left',
    async check({ storage }) {
      const endpoints = ['ep_a', 'ep_b', 'ep_c', 'ep_d', 'ep_e']
      for (const id of endpoints) await addEndpoint(storage, id)
      await send(storage, { id: 'evt_a', to: endpoints })
      const reached: string[] = []
      for (const [index, count] of [2, 2, 1].entries()) {
        const { event, canceled } = await cancelEvent(storage, { id: 'evt_a', now: NOW + index, limit: 2 })
        same(canceled.length, count, 'full answers, then what is left')
        same(event.canceledAt, NOW, 'the moment is that of the first call')
        for (const { endedAt } of canceled) same(endedAt, NOW + index, 'a delivery ends when it is canceled')
        reached.push(...canceled.map(({ endpointId }) => endpointId))
      }
      same(reached.sort(), endpoints, 'each once')
    },
  },
  {
    name: 'cancel event: repeated after a doubtful commit it changes nothing',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await addEndpoint(storage, 'ep_b')
      await send(storage, { id: 'evt_a', to: ['ep_a', 'ep_b'] })
      await claimOne(storage, 'ep_b')
      const first = await cancelEvent(storage, { id: 'evt_a' })
      const before = await deliveriesOf(storage, 'evt_a')
      same(await cancelEvent(storage, { id: 'evt_a', now: LATER }), { ...first, canceled: [] }, 'none is left')
      same(await deliveriesOf(storage, 'evt_a'), before, 'and all stays as it was')
    },
  },
  {
    name: "cancel event: another tenant's event is not found, nor one that is not there",
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a', 'acme')
      const delivery = await sendOne(storage, { id: 'evt_a', tenant: 'acme', to: ['ep_a'] })
      same(await storage.cancelEvent({ id: 'evt_a', tenant: 'other', now: NOW, limit: 10 }), null, 'a foreign one')
      same(await storage.cancelEvent({ id: 'evt_none', tenant: null, now: NOW, limit: 10 }), null, 'none at all')
      same((await storage.getEvent({ id: 'evt_a', tenant: null }))?.canceledAt, null, 'it is not marked')
      same(await deliveryNow(storage, delivery.id), delivery, 'nor is its delivery touched')
      const own = await cancelEvent(storage, { id: 'evt_a', tenant: 'acme' })
      same(own.canceled.length, 1, 'its own tenant cancels it')
    },
  },
]

const aftermath: Behaviour[] = [
  {
    name: 'cancel event: its idempotency key stays',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await sendOne(storage, { id: 'evt_a', key: 'k', to: ['ep_a'] })
      await cancelEvent(storage, { id: 'evt_a' })
      const again = await offer(storage, { id: 'evt_b', key: 'k', to: ['ep_a'] })
      same(again, { status: 'duplicate', eventId: 'evt_a', deliveries: 1 }, 'the same again is a duplicate')
      same(await claim(storage, 'ep_a'), [], 'and delivers nothing')
    },
  },
  {
    name: 'cancel event: one that fans out is written no further',
    async check({ storage }) {
      for (const id of ['ep_a', 'ep_b', 'ep_c']) await addEndpoint(storage, id)
      await offer(storage, { id: 'evt_a', fanOut: 'background' })
      const slice = (from: string, to: string | null, endpointId: string) => {
        const deliveries = [{ endpointId, dueAt: NOW, leaseUntil: null }]
        return storage.insertSlice({ now: NOW, eventId: 'evt_a', from, to, deliveries })
      }
      await slice('', 'ep_a', 'ep_a')
      await slice('ep_a', 'ep_b', 'ep_b')
      same((await cancelEvent(storage, { id: 'evt_a' })).canceled.length, 2, 'what was written is canceled')
      same(await storage.pendingFanOuts({ limit: 10 }), [], 'its fan-out is over')
      same(await slice('ep_b', null, 'ep_c'), false, 'a slice on its way writes nothing')
      same((await deliveriesOf(storage, 'evt_a')).length, 2, 'nothing is added')
      same((await offer(storage, { id: 'evt_b', to: ['ep_c'] })).status, 'inserted', 'others go on')
    },
  },
  {
    name: 'cancel event: one that has no deliveries goes with retention, like any other',
    async check({ storage }) {
      await offer(storage, { id: 'evt_fans_out', fanOut: 'background' })
      await offer(storage, { id: 'evt_bare' })
      for (const id of ['evt_fans_out', 'evt_bare']) same((await cancelEvent(storage, { id })).canceled, [], id)
      const over = { now: LATER, deliveredBefore: LATER, failedBefore: LATER, limit: 10 }
      while ((await storage.prune(over)) > 0);
      for (const id of ['evt_fans_out', 'evt_bare']) same(await storage.getEvent({ id, tenant: null }), null, id)
    },
  },
  {
    name: 'cancel event: a later replay of its deliveries goes by its own full schedule',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_pending')
      await addEndpoint(storage, 'ep_leased')
      await send(storage, { id: 'evt_a', to: ['ep_pending', 'ep_leased'] })
      const lease = await claimOne(storage, 'ep_leased')
      await cancelEvent(storage, { id: 'evt_a' })
      await settleAll(storage, [rejected(lease, LATER)])
      const selection = { eventId: 'evt_a' }
      await storage.createReplay({ id: 'rpl_a', kind: 'replay', selection, perSecond: null, total: 2, now: NOW })
      matches(
        await storage.stepReplay({ replayId: 'rpl_a', now: LATER, limit: 10, examine: 10 }),
        { requeued: 2, skipped: 0 },
        'canceled deliveries are at rest',
      )
      for (const id of ['ep_pending', 'ep_leased']) {
        const again = await claimOne(storage, id, { now: LATER })
        await settleOne(storage, rejected(again, LATER + 500), LATER)
        matches(
          await deliveryNow(storage, again.deliveryId),
          { state: 'pending', reason: null, round: 2, nextAttemptAt: LATER + 500 },
          'its retry is not canceled',
        )
      }
    },
  },
  {
    name: 'concurrency: of parallel cancels of one event each delivery is told by one',
    async check({ storage }) {
      const endpoints = Array.from({ length: 12 }, (_, index) => `ep_${index}`)
      for (const id of endpoints) await addEndpoint(storage, id)
      await send(storage, { id: 'evt_a', to: endpoints })
      const answers = await Promise.all(endpoints.map(() => cancelEvent(storage, { id: 'evt_a', limit: 5 })))
      const told = answers.flatMap(({ canceled }) => canceled.map(({ endpointId }) => endpointId))
      same(told.sort(), endpoints.sort(), 'each once')
    },
  },
]

export const cancelingEvents: Behaviour[] = [...pendingOnes, ...aftermath]
