import { setTimeout as wait } from 'node:timers/promises'
import type { Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { holds, same } from './expect.ts'
import { addEndpoint, claimedEvents, claimOne, delivered, NOW, offer, sendOne, settleOne } from './fixtures.ts'
import type { HostTransaction } from './home.ts'
import { insertIn } from './insert-in.ts'

const COUNT = 5
/** Long enough for a busy machine: who waits for a transaction that stays open waits for ever. */
const PATIENCE_MS = 3_000

/** The call ends while the transactions around it are open. */
async function withoutWaiting<T>(call: Promise<T>, promise: string): Promise<T> {
  const timer = new AbortController()
  const late = wait(PATIENCE_MS, null, { signal: timer.signal }).catch(() => null)
  try {
    const first = await Promise.race([call.then((result) => ({ result })), late])
    holds(first !== null, promise)
    return first.result
  } finally {
    timer.abort()
  }
}

/** The name of the error with which it is refused. */
async function refusalOf(storage: Storage, tx: unknown): Promise<string> {
  try {
    return (await insertIn(storage, { tx }, { id: 'evt_a' })).status
  } catch (error) {
    return error instanceof Error ? error.name : 'something else was thrown'
  }
}

export const openTransactions: Behaviour[] = [
  {
    name: 'transactions: nobody else sees the event before the commit',
    needs: ['transactions', 'multiProcess'],
    async check({ storage, second, begin }) {
      const other = await second()
      const transaction = await begin()
      await insertIn(storage, transaction, { id: 'evt_a' })
      for (const one of [storage, other]) {
        same(await one.getEvent({ id: 'evt_a', tenant: null }), null, 'it is not there')
        same(await one.pendingFanOuts({ limit: 10 }), [], 'nor does it fan out')
      }
      await transaction.commit()
      for (const one of [storage, other]) {
        holds((await one.getEvent({ id: 'evt_a', tenant: null })) !== null, 'with the commit it is there')
        same((await one.pendingFanOuts({ limit: 10 })).length, 1, 'and fans out')
      }
    },
  },
  {
    name: 'transactions: what is no transaction of its kind is refused as an argument',
    needs: 'transactions',
    async check({ storage }) {
      for (const tx of [undefined, null, {}, 'BEGIN', 7, () => {}]) {
        same(await refusalOf(storage, tx), 'ArgumentError', 'an ArgumentError says that this is no such thing')
      }
      same(await storage.getEvent({ id: 'evt_a', tenant: null }), null, 'nothing is written')
    },
  },
  {
    name: 'transactions: many open at once do not wait for each other, nor the storage for them',
    needs: 'transactions',
    async check({ storage, begin, concurrentTransactions }) {
      if (!concurrentTransactions) return
      await addEndpoint(storage, 'ep_a')
      const open: HostTransaction[] = []
      for (let index = 0; index < COUNT; index++) {
        const transaction = await begin()
        open.push(transaction)
        for (const tenant of ['default', 'fresh']) {
          const choices = { id: `evt_${tenant}_${index}`, key: `key ${index}`, orderingKey: 'k', tenant }
          const inserting = insertIn(storage, transaction, choices)
          await withoutWaiting(inserting, 'one waits for no other, also of the same new tenant and ordering key')
        }
      }
      await withoutWaiting(addEndpoint(storage, 'ep_b'), 'an endpoint is created meanwhile')
      await withoutWaiting(addEndpoint(storage, 'ep_fresh', 'fresh'), 'also of the new tenant')
      const beside = offer(storage, { id: 'evt_beside', to: ['ep_a'] })
      same((await withoutWaiting(beside, 'an event is accepted meanwhile')).status, 'inserted', 'it is taken')
      for (const [index, transaction] of open.reverse().entries()) {
        await (index % 2 === 0 ? transaction.commit() : transaction.rollback())
      }
      const kept: string[] = []
      for (let index = 0; index < COUNT; index++) {
        if ((await storage.getEvent({ id: `evt_fresh_${index}`, tenant: 'fresh' })) !== null) kept.push(`evt_${index}`)
      }
      same(kept, ['evt_0', 'evt_2', 'evt_4'], 'each ends as its own host decides')
    },
  },
  {
    name: 'transactions: an event whose commit comes late has its turn late',
    needs: 'transactions',
    async check({ storage, begin, concurrentTransactions }) {
      if (!concurrentTransactions) return
      await addEndpoint(storage, 'ep_a')
      const transaction = await begin()
      await insertIn(storage, transaction, { id: 'evt_a', orderingKey: 'k' })
      await sendOne(storage, { id: 'evt_b', to: ['ep_a'], orderingKey: 'k' })
      await transaction.commit()
      const deliveries = [{ endpointId: 'ep_a', dueAt: NOW, leaseUntil: null }]
      await storage.insertSlice({ now: NOW, eventId: 'evt_a', from: '', to: null, deliveries })
      const head = await claimOne(storage, 'ep_a')
      same(head.eventId, 'evt_b', 'turns go by the deliveries as they were written')
      same(await claimedEvents(storage, 'ep_a'), [], 'the other waits')
      await settleOne(storage, delivered(head))
      same(await claimedEvents(storage, 'ep_a'), ['evt_a'], 'and follows')
    },
  },
]
