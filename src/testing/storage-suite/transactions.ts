import type { Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { holds, matches, same } from './expect.ts'
import { addEndpoint, collect, deliveriesOf, type EventChoices, NOW, newTxEvent, offer, versionOf } from './fixtures.ts'
import { insertIn } from './insert-in.ts'

const HOUR = 3_600_000
const INSERTED = { status: 'inserted' as const }

/** Writes one event in a transaction of its own and commits it. */
async function commitOne(
  { storage, begin }: Pick<Parameters<Behaviour['check']>[0], 'storage' | 'begin'>,
  choices: EventChoices,
) {
  const transaction = await begin()
  const result = await insertIn(storage, transaction, choices)
  await transaction.commit()
  return result
}

function eventIds(storage: Storage): Promise<string[]> {
  const filter = { tenant: null, type: null, since: null, until: null }
  return collect((page) => storage.listEvents({ ...filter, ...page })).then((events) =>
    events.map(({ id }) => id).sort(),
  )
}

async function pendingIds(storage: Storage): Promise<string[]> {
  return (await storage.pendingFanOuts({ limit: 10 })).map(({ event }) => event.id)
}

const outcomes: Behaviour[] = [
  {
    name: 'transactions: a commit accepts the event: kept as it was given, its fan-out pending',
    needs: 'transactions',
    async check({ storage, begin }) {
      await addEndpoint(storage, 'ep_a')
      const endpointsVersion = await versionOf(storage)
      const choices = { id: 'evt_a', key: 'k', orderingKey: 'ü "o"', endpointIds: ['ep_b', 'ep_a'], dueAt: NOW + 9 }
      const transaction = await begin()
      same(await insertIn(storage, transaction, choices), INSERTED, 'it is inserted')
      await transaction.commit()
      const { event } = await newTxEvent(storage, choices)
      same(await storage.getEvent({ id: 'evt_a', tenant: null }), event, 'getEvent returns what was handed over')
      same(await deliveriesOf(storage, 'evt_a'), [], 'its deliveries are still to come')
      const { id, tenant, type, deliverAt } = event
      same(
        await storage.pendingFanOuts({ limit: 10 }),
        [{ event: { id, tenant, type, deliverAt }, endpointsVersion, endpointIds: ['ep_b', 'ep_a'], cursor: '' }],
        'its fan-out begins, by the endpoints of then',
      )
      const deliveries = [{ endpointId: 'ep_a', dueAt: NOW, leaseUntil: null }]
      same(await storage.insertSlice({ now: NOW, eventId: 'evt_a', from: '', to: null, deliveries }), true, 'and ends')
      same((await deliveriesOf(storage, 'evt_a')).length, 1, 'with its deliveries')
    },
  },
  {
    name: 'transactions: bytes, headers and metadata are kept as they were given',
    needs: 'transactions',
    async check({ storage, begin }) {
      const given = await newTxEvent(storage, { id: 'evt_a' })
      given.event.body = Uint8Array.from([0, 255, 10, 13, 34, 0])
      given.event.headers = { 'x-odd': 'ü "quoted"' }
      given.event.metadata = { empty: '', odd: "it's {} [] \\" }
      const transaction = await begin()
      await insertIn(storage, transaction, { id: 'evt_a' }, given)
      await transaction.commit()
      same(await storage.getEvent({ id: 'evt_a', tenant: null }), given.event, 'getEvent returns what was inserted')
    },
  },
  {
    name: 'transactions: a rollback leaves no trace',
    needs: 'transactions',
    async check({ storage, begin }) {
      const transaction = await begin()
      const mine = { id: 'order-1', idGiven: true, key: 'k', hash: 'one', tenant: 'fresh', orderingKey: 'o' }
      same(await insertIn(storage, transaction, mine), INSERTED, 'it is inserted')
      await transaction.rollback()
      same(await eventIds(storage), [], 'no event')
      same(await pendingIds(storage), [], 'no fan-out')
      const again = { ...mine, hash: 'two' }
      same((await offer(storage, { ...again, id: 'evt_b', idGiven: false })).status, 'inserted', 'no idempotency key')
      same((await offer(storage, { ...again, key: 'other' })).status, 'inserted', 'no id, and nothing to wait for')
    },
  },
  {
    name: 'transactions: several events in one are accepted together, or not at all',
    needs: 'transactions',
    async check({ storage, begin }) {
      for (const end of ['rollback', 'commit'] as const) {
        const transaction = await begin()
        for (const id of ['evt_c', 'evt_a', 'evt_b']) {
          same(await insertIn(storage, transaction, { id, key: `key of ${id}` }), INSERTED, 'each is inserted')
        }
        await transaction[end]()
        const expected = end === 'commit' ? ['evt_c', 'evt_a', 'evt_b'] : []
        same(await pendingIds(storage), expected, `after ${end}, in their order`)
      }
    },
  },
  {
    name: 'transactions: a tenant never seen before is no trouble',
    needs: 'transactions',
    async check({ storage, begin }) {
      same(await commitOne({ storage, begin }, { id: 'evt_a', tenant: 'fresh' }), INSERTED, 'its event is taken')
      const { createdVersion } = await addEndpoint(storage, 'ep_a', 'fresh')
      const [fanOut] = await storage.pendingFanOuts({ limit: 10 })
      holds(fanOut !== undefined, 'its fan-out is pending')
      holds(fanOut.endpointsVersion < createdVersion, 'an endpoint created later is not part of it')
    },
  },
  {
    name: 'transactions: an event of an ordering key holds those behind it like any other',
    needs: 'transactions',
    async check({ storage, begin }) {
      await addEndpoint(storage, 'ep_a')
      await commitOne({ storage, begin }, { id: 'evt_a', orderingKey: 'k' })
      const behind = await offer(storage, { id: 'evt_b', to: ['ep_a'], orderingKey: 'k' })
      same(behind.status, 'fan_out_waits', 'an inline one has to wait for its fan-out')
      await commitOne({ storage, begin }, { id: 'evt_c', orderingKey: 'k' })
      same(await pendingIds(storage), ['evt_a'], 'one fan-out of the key at a time')
    },
  },
]

const repeats: Behaviour[] = [
  {
    name: 'transactions: the same key or given id again is a duplicate, with other arguments a conflict',
    needs: 'transactions',
    async check({ storage, begin }) {
      const mine = { id: 'order-1', idGiven: true, key: 'k', hash: 'one', tenant: 'acme' }
      await commitOne({ storage, begin }, mine)
      const duplicate = { status: 'duplicate' as const, eventId: 'order-1' }
      const conflict = { status: 'conflict' as const, eventId: 'order-1' }
      const by = (over: Partial<EventChoices>) => commitOne({ storage, begin }, { ...mine, ...over })
      same(await by({ id: 'evt_b', idGiven: false }), duplicate, 'the key names the first event')
      same(await by({ id: 'evt_b', idGiven: false, hash: 'two' }), conflict, 'the key with other arguments')
      same(await by({ key: 'other' }), duplicate, 'the id names the event')
      same(await by({ key: 'other', hash: 'two' }), conflict, 'the id with other arguments')
      same(await by({ key: 'other', tenant: 'other' }), conflict, "another tenant's id")
      same(await by({ id: 'evt_c', tenant: 'other' }), INSERTED, 'keys of tenants are apart')
      same(await eventIds(storage), ['evt_c', 'order-1'], 'nothing was written by the others')
      same((await by({ id: 'evt_d', key: 'other', hash: 'three' })).status, 'inserted', 'and no key was taken')
    },
  },
  {
    name: 'transactions: within one the second sees the first',
    needs: 'transactions',
    async check({ storage, begin }) {
      const transaction = await begin()
      await insertIn(storage, transaction, { id: 'evt_a', key: 'k' })
      same(
        await insertIn(storage, transaction, { id: 'evt_b', key: 'k' }),
        { status: 'duplicate', eventId: 'evt_a' },
        'a key is accepted once',
      )
      const conflict = await insertIn(storage, transaction, { id: 'evt_b', key: 'k', hash: 'other' })
      same(conflict, { status: 'conflict', eventId: 'evt_a' }, 'with other arguments it is a conflict')
      await transaction.commit()
      same(await eventIds(storage), ['evt_a'], 'one event is kept')
    },
  },
  {
    name: 'transactions: a duplicate or conflict leaves the transaction as it was, to go on with',
    needs: 'transactions',
    async check({ storage, begin }) {
      await offer(storage, { id: 'evt_a', key: 'k' })
      const transaction = await begin()
      await insertIn(storage, transaction, { id: 'evt_b' })
      matches(await insertIn(storage, transaction, { id: 'evt_c', key: 'k' }), { status: 'duplicate' }, 'a duplicate')
      const conflict = await insertIn(storage, transaction, { id: 'evt_c', key: 'k', hash: 'other' })
      matches(conflict, { status: 'conflict' }, 'a conflict')
      same(await insertIn(storage, transaction, { id: 'evt_d' }), INSERTED, 'the next event is inserted')
      await transaction.commit()
      same(await eventIds(storage), ['evt_a', 'evt_b', 'evt_d'], 'the commit accepts what was inserted')
    },
  },
  {
    name: 'transactions: keys and ids are shared with insertEvents, both ways',
    needs: 'transactions',
    async check({ storage, begin }) {
      await commitOne({ storage, begin }, { id: 'evt_a', key: 'k' })
      same(
        await offer(storage, { id: 'evt_b', key: 'k' }),
        { status: 'duplicate', eventId: 'evt_a', deliveries: null },
        'its key counts for insertEvents',
      )
      const other = await offer(storage, { id: 'evt_b', key: 'k', hash: 'other' })
      same(other, { status: 'conflict', eventId: 'evt_a' }, 'with its hash')
      await offer(storage, { id: 'order-1', idGiven: true, hash: 'one' })
      const again = { id: 'order-1', idGiven: true, hash: 'one' }
      const duplicate = { status: 'duplicate' as const, eventId: 'order-1' }
      same(await commitOne({ storage, begin }, again), duplicate, 'an id of insertEvents counts here')
      await commitOne({ storage, begin }, { ...again, id: 'order-2' })
      same((await offer(storage, { ...again, id: 'order-2' })).status, 'duplicate', 'and an id of here there')
    },
  },
  {
    name: 'transactions: an expired key is free again, unless that is rolled back',
    needs: 'transactions',
    async check({ storage, begin }) {
      await offer(storage, { id: 'evt_a', key: 'k' })
      const later = { key: 'k', hash: 'other', now: NOW + HOUR + 1 }
      const transaction = await begin()
      same(await insertIn(storage, transaction, { ...later, id: 'evt_b' }), INSERTED, 'an expired key is replaced')
      await transaction.rollback()
      const before = await offer(storage, { id: 'evt_c', key: 'k' })
      same(before, { status: 'duplicate', eventId: 'evt_a', deliveries: 0 }, 'a rollback brings the old entry back')
      same(await commitOne({ storage, begin }, { ...later, id: 'evt_b' }), INSERTED, 'a commit does not')
      const again = await commitOne({ storage, begin }, { ...later, id: 'evt_d', now: NOW + HOUR + 2 })
      same(again, { status: 'duplicate', eventId: 'evt_b' }, 'the new entry holds from then on')
    },
  },
  {
    name: 'transactions: a generated id that is there already is a duplicate',
    needs: 'transactions',
    async check({ storage, begin }) {
      const duplicate = { status: 'duplicate' as const, eventId: 'evt_a' }
      const transaction = await begin()
      same(await insertIn(storage, transaction, { id: 'evt_a' }), INSERTED, 'it is inserted')
      same(await insertIn(storage, transaction, { id: 'evt_a' }), duplicate, 'again in the same transaction')
      await transaction.commit()
      same(await commitOne({ storage, begin }, { id: 'evt_a' }), duplicate, 'and after it')
      same(await pendingIds(storage), ['evt_a'], 'it fans out once')
    },
  },
]

export const transactions: Behaviour[] = [...outcomes, ...repeats]
