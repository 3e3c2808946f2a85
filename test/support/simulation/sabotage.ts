import type { InsertResult, Settlement, Storage } from '../../../src/ports/storage.ts'
import type { Sabotage } from './world.ts'

/** What is broken on purpose, so that the simulation shows that it notices. Each breaks one promise, and now and then only. */

/** Calls `broken` instead at every `nth` call. */
function everyNth<Input, Output>(
  nth: number,
  right: (input: Input) => Promise<Output>,
  broken: (input: Input) => Promise<Output>,
): (input: Input) => Promise<Output> {
  let calls = 0
  return (input) => {
    calls += 1
    return calls % nth === 0 ? broken(input) : right(input)
  }
}

function settling(change: (settlement: Settlement, now: number) => Settlement): Sabotage {
  return {
    storage: (storage) => ({
      ...storage,
      settle: ({ now, settlements }) =>
        storage.settle({ now, settlements: settlements.map((settlement) => change(settlement, now)) }),
    }),
  }
}

const disk = (change: (storage: Storage) => Partial<Storage>): Sabotage => ({
  disk: (storage) => ({ ...storage, ...change(storage) }),
})

/** Settlements are written under whatever claim is in force. */
const withoutFence = disk((storage) => {
  const claims = new Map<string, number>()
  return {
    async claimDue(input) {
      const claimed = await storage.claimDue(input)
      for (const { lease } of claimed) claims.set(lease.deliveryId, lease.claim)
      return claimed
    },
    settle: (input) =>
      storage.settle({
        ...input,
        settlements: input.settlements.map((one) => ({ ...one, claim: claims.get(one.deliveryId) ?? one.claim })),
      }),
  }
})

const droppedSettlements: Sabotage = {
  storage: (storage) => ({
    ...storage,
    settle: everyNth(5, storage.settle, async ({ settlements }) => ({
      statuses: settlements.map(() => 'applied' as const),
      health: [],
      promotedDueAt: null,
    })),
  }),
}

const unwrittenEvents = disk((storage) => ({
  insertEvents: everyNth(5, storage.insertEvents, async ({ events }) =>
    events.map(({ deliveries }): InsertResult => ({ status: 'inserted', leases: [], pending: deliveries.length })),
  ),
}))

const forgottenKeys = disk((storage) => ({
  insertEvents: (input) =>
    storage.insertEvents({
      ...input,
      events: input.events.map((item) => ({ ...item, event: { ...item.event, idempotencyKey: null } })),
    }),
}))

const claimsBeforeTime = disk((storage) => ({
  dueLanes: (input) => storage.dueLanes({ ...input, now: input.now + 1_000 }),
  claimDue: (input) => storage.claimDue({ ...input, now: input.now + 1_000 }),
}))

const leasesGivenTwice = disk((storage) => {
  let last: Awaited<ReturnType<Storage['claimDue']>> = []
  return {
    claimDue: everyNth(3, storage.claimDue, async (input) => {
      const claimed = await storage.claimDue(input)
      const again = last
      last = claimed
      return [...claimed, ...again]
    }),
  }
})

const pausesForgotten = disk((storage) => ({
  async changeEndpointState(input) {
    if (input.to !== 'paused') return storage.changeEndpointState(input)
    const endpoint = await storage.getEndpoint({ id: input.id, tenant: null })
    return endpoint && { ...endpoint, state: 'paused' }
  },
}))

/** Tells of each that was canceled as of one that will be repeated. */
async function repeatingCanceled(storage: Storage, input: Parameters<Storage['settle']>[0]) {
  const result = await storage.settle(input)
  return { ...result, statuses: result.statuses.map((status) => (status === 'canceled' ? 'applied' : status)) }
}

const PAGE = { limit: 500, examine: 500, after: null }

interface Broken {
  what: string
  sabotage: Sabotage
  /** The promises of which at least one is seen to be broken. */
  promises: readonly string[]
}

const REST = 'everything comes to rest or is held'

export const BROKEN: readonly Broken[] = [
  { what: 'a settlement without a fence', sabotage: withoutFence, promises: ['a settlement is fenced'] },
  {
    what: 'a settlement that is not written',
    sabotage: droppedSettlements,
    promises: ['without faults nothing is lost', 'stop leaves no lease behind'],
  },
  {
    what: 'an event that is acknowledged and not written',
    sabotage: unwrittenEvents,
    promises: ['what is acknowledged is kept', REST],
  },
  {
    what: 'an idempotency key that is forgotten',
    sabotage: forgottenKeys,
    promises: ['an idempotency key is accepted once per window'],
  },
  { what: 'a claim before its time', sabotage: claimsBeforeTime, promises: ['never early'] },
  {
    what: 'a lease that is given twice',
    sabotage: leasesGivenTwice,
    promises: ['one live lease at a time', 'each claim adds one to the number'],
  },
  {
    what: 'a lease that ran out and is left so',
    sabotage: disk(() => ({ expiredLeases: async () => [] })),
    promises: [REST],
  },
  {
    what: 'a pause that is answered and not written',
    sabotage: pausesForgotten,
    promises: ['a held lane is not claimed from', 'no request is begun after the call that paused was answered'],
  },
  {
    what: 'deliveries of a deleted endpoint that stay',
    sabotage: disk(() => ({ cancelHeld: async () => [] })),
    promises: [REST],
  },
  {
    what: 'a canceled event whose deliveries stay pending',
    sabotage: disk((storage) => ({ cancelEvent: (input) => storage.cancelEvent({ ...input, limit: 0 }) })),
    promises: ['a canceled event ends with no open delivery'],
  },
  {
    what: 'an attempt that is repeated after its event was canceled',
    sabotage: disk((storage) => ({ settle: (input) => repeatingCanceled(storage, input) })),
    promises: ['what was under way when its event was canceled is not repeated'],
  },
  {
    what: 'a backfill that leaves something out',
    sabotage: disk((storage) => ({
      insertBackfill: (input) => storage.insertBackfill({ ...input, eventIds: input.eventIds.slice(1) }),
    })),
    promises: ['a backfill brings all that was missed'],
  },
  {
    what: 'a backfill of what the endpoint does not want',
    sabotage: {
      storage: (storage) => ({
        ...storage,
        async insertBackfill(input) {
          const { items } = await storage.listEvents({ ...PAGE, tenant: null, type: null, since: null, until: null })
          return storage.insertBackfill({ ...input, eventIds: items.map(({ id }) => id) })
        },
      }),
    },
    promises: ['a backfill brings what the endpoint wants', 'nothing passes from one tenant to another'],
  },
  {
    what: 'a retry that is not put off',
    sabotage: settling((one, now) =>
      one.next.state === 'pending' ? { ...one, next: { ...one.next, dueAt: now } } : one,
    ),
    promises: ['the schedule is kept, and Retry-After never undercut'],
  },
  {
    what: 'a throttled lane that does not rest',
    sabotage: settling((one) => ({ ...one, blockLaneUntil: null })),
    promises: ['a throttled lane rests as long as it was asked to'],
  },
  {
    what: 'an attempt number that is left out',
    sabotage: settling((one) => ({ ...one, attempt: { ...one.attempt, number: one.attempt.number + 1 } })),
    promises: ['attempts are contiguous'],
  },
  {
    what: 'two requests under one lease',
    sabotage: {
      transport: (transport) => ({
        ...transport,
        send: everyNth(5, transport.send, (request) => {
          transport.send(request).catch(() => {})
          return transport.send(request)
        }),
      }),
    },
    promises: ['each request is made under a lease of its own'],
  },
  {
    what: 'a body that is changed',
    sabotage: {
      transport: (transport) => ({
        ...transport,
        send: (request) => transport.send({ ...request, body: Buffer.concat([request.body, Buffer.from(' ')]) }),
      }),
    },
    promises: ['the bytes are those accepted'],
  },
]
