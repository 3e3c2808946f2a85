import type { AttemptRecord } from '../../../src/model/attempt.ts'
import type { DeliveryRecord } from '../../../src/model/delivery.ts'
import type { NewEvent, Page, PageInput, Storage } from '../../../src/ports/storage.ts'
import { findDelivery } from '../../../src/storage/memory/find-delivery.ts'
import type { Tables } from '../../../src/storage/memory/tables.ts'
import { collect, NOW, versionOf } from '../../../src/testing/storage-suite/fixtures.ts'
import type { HostedStorage } from './hosted-memory.ts'

/** One way of breaking a storage, and the case of the suite that must notice it. */
export interface Fault {
  fault: string
  caughtBy: string
  /** The methods that are wrong, over a storage that is right, and its tables for what no method reaches. */
  of: (inner: HostedStorage, tables: Tables) => Partial<HostedStorage>
}

const tick = () => new Promise<void>((resolve) => setImmediate(resolve))

function allDeliveries(inner: Storage): Promise<DeliveryRecord[]> {
  return collect((page) => inner.listDeliveries({ selection: {}, ...page }))
}

/** Pages by counting rows from the top instead of by the last row. */
function byOffset<T>(list: (page: PageInput) => Promise<Page<T>>) {
  return async ({ limit, after }: PageInput): Promise<Page<T>> => {
    const offset = after?.key ?? 0
    const items = await collect(list)
    const next = offset + limit < items.length ? { at: 0, key: offset + limit } : null
    return { items: items.slice(offset, offset + limit), next }
  }
}

const acceptFaults: Fault[] = [
  {
    fault: 'a batch of events is written one by one',
    caughtBy: 'atomicity: a batch of events of which one fails writes none',
    of: (inner) => ({
      insertEvents: async (input) => {
        const results = []
        for (const event of input.events) results.push(...(await inner.insertEvents({ ...input, events: [event] })))
        return results
      },
    }),
  },
  {
    fault: 'the endpoint-set version is not compared',
    caughtBy: 'accept: an outdated endpoint-set version refuses that event, and that event alone',
    of: (inner) => ({
      insertEvents: async (input) => {
        const current = async (event: NewEvent) => ({
          ...event,
          endpointsVersion: await versionOf(inner, event.event.tenant),
        })
        return inner.insertEvents({ ...input, events: await Promise.all(input.events.map(current)) })
      },
    }),
  },
  {
    fault: 'a key is looked up first and written later',
    caughtBy: 'concurrency: of parallel inserts under one key one is taken',
    of: (inner, { idempotency }) => ({
      insertEvents: async (input) => {
        const seen = new Set(idempotency.keys())
        await tick()
        for (const key of idempotency.keys()) if (!seen.has(key)) idempotency.delete(key)
        return inner.insertEvents(input)
      },
    }),
  },
  {
    fault: 'a repeat after a doubtful commit is called a duplicate',
    caughtBy: 'doubtful repeat: the same insert again writes nothing twice and answers as before',
    of: (inner) => ({
      insertEvents: (input) =>
        inner.insertEvents({ ...input, events: input.events.map((event) => ({ ...event, idGiven: true })) }),
    }),
  },
  {
    fault: 'a slice is written whatever the cursor',
    caughtBy: 'fan-out: a slice made from another cursor writes nothing',
    of: (inner) => ({
      insertSlice: async (input) => {
        const pending = await inner.pendingFanOuts({ limit: 100 })
        const from = pending.find(({ event }) => event.id === input.eventId)?.cursor ?? input.from
        return inner.insertSlice({ ...input, from })
      },
    }),
  },
]

const claimFaults: Fault[] = [
  {
    fault: 'a delivery is claimed before it is due',
    caughtBy: 'claim: never before it is due',
    of: (inner) => ({ claimDue: (input) => inner.claimDue({ ...input, now: input.now + 60_000 }) }),
  },
  {
    fault: 'the claim number does not grow',
    caughtBy: 'claim: each claim adds one to the claim number',
    of: (inner) => ({
      claimDue: async (input) =>
        (await inner.claimDue(input)).map(({ lease, event }) => ({ lease: { ...lease, claim: 1 }, event })),
    }),
  },
  {
    fault: 'a blocked lane is claimed from',
    caughtBy: 'hold: a paused lane keeps its deliveries pending and gives none',
    of: (inner) => ({
      claimDue: async (input) => {
        for (const { endpointId: id } of input.room) {
          const change = { id, tenant: null, reason: null, now: input.now, guard: null }
          await inner.changeEndpointState({ ...change, from: ['paused'], to: 'active' })
        }
        return inner.claimDue(input)
      },
    }),
  },
  {
    fault: 'lanes are served by their names',
    caughtBy: 'fairness: an endpoint with a long queue does not delay another',
    of: (inner) => ({
      dueLanes: async (input) => {
        const lanes = await inner.dueLanes({ ...input, limit: 100 })
        return lanes.sort((a, b) => a.endpointId.localeCompare(b.endpointId)).slice(0, input.limit)
      },
    }),
  },
  {
    fault: 'tenants are served one after another',
    caughtBy: 'fairness: tenants are listed in turn, one lane each',
    of: (inner) => ({
      dueLanes: async (input) => {
        const lanes = await inner.dueLanes({ ...input, limit: 100 })
        return lanes.sort((a, b) => a.tenant.localeCompare(b.tenant)).slice(0, input.limit)
      },
    }),
  },
  {
    fault: 'an excluded lane takes a place',
    caughtBy: 'fairness: due lanes stand in line by the moment they fell due',
    of: (inner) => ({
      dueLanes: async (input) => {
        const lanes = await inner.dueLanes({ ...input, exclude: [] })
        return lanes.filter(({ endpointId }) => !input.exclude.includes(endpointId))
      },
    }),
  },
  {
    fault: 'a deferral is ignored',
    caughtBy: 'defer: a lane is not shown again before its time, others are',
    of: (inner) => ({ claimDue: (input) => inner.claimDue({ ...input, defer: [] }) }),
  },
  {
    fault: 'an expired lease is not listed',
    caughtBy: 'leases: one that ended is listed, with its worker, and not before its end',
    of: () => ({ expiredLeases: async () => [] }),
  },
  {
    fault: 'a lease in force is listed as expired',
    caughtBy: 'leases: nextDueAt tells when one expires',
    of: (inner) => ({ expiredLeases: (input) => inner.expiredLeases({ ...input, now: input.now + 1_000 }) }),
  },
  {
    fault: 'anybody may give a lease back',
    caughtBy: 'leases: only its worker gives a lease back, and only under its claim number',
    of: (inner) => ({
      releaseLeases: async (input) => {
        const held = await inner.expiredLeases({ now: NOW * 2, limit: 100 })
        for (const { worker } of held) await inner.releaseLeases({ ...input, worker })
      },
    }),
  },
  {
    fault: 'nobody is told when something falls due',
    caughtBy: 'claim: never before it is due',
    of: () => ({ nextDueAt: async () => null }),
  },
]

const settleFaults: Fault[] = [
  {
    fault: 'the fencing token is ignored',
    caughtBy: 'settle: another claim than the one in force is stale, and writes nothing',
    of: (inner) => {
      const claims = new Map<string, number>()
      return {
        claimDue: async (input) => {
          const claimed = await inner.claimDue(input)
          for (const { lease } of claimed) claims.set(lease.deliveryId, lease.claim)
          return claimed
        },
        settle: ({ now, settlements }) =>
          inner.settle({
            now,
            settlements: settlements.map((one) => ({ ...one, claim: claims.get(one.deliveryId) ?? one.claim })),
          }),
      }
    },
  },
  {
    fault: 'the delivery moves, its attempt is lost',
    caughtBy: 'settle: the attempt and the next state are written together',
    of: (inner, tables) => ({
      settle: async (input) => {
        const result = await inner.settle(input)
        for (const [index, { deliveryId }] of input.settlements.entries()) {
          if (result.statuses[index] === 'applied') findDelivery(tables, deliveryId)?.attempts.pop()
        }
        return result
      },
    }),
  },
  {
    fault: 'a batch of settlements is written one by one',
    caughtBy: 'atomicity: a batch of settlements of which one fails writes none',
    of: (inner) => ({
      settle: async ({ now, settlements }) => {
        const results = []
        for (const one of settlements) results.push(await inner.settle({ now, settlements: [one] }))
        return {
          statuses: results.flatMap(({ statuses }) => statuses),
          health: results.flatMap(({ health }) => health),
          promotedDueAt: results.find((one) => one.promotedDueAt !== null)?.promotedDueAt ?? null,
        }
      },
    }),
  },
  {
    fault: 'a settled delivery is settled again',
    caughtBy: 'settle: a settled delivery keeps its verdict',
    of: (inner, tables) => ({
      settle: (input) => {
        for (const { deliveryId, claim, attempt } of input.settlements) {
          const row = findDelivery(tables, deliveryId)
          const [last] = row?.attempts.slice(-1) ?? []
          const isRepeat = last?.outcome === attempt.outcome && last.startedAt === attempt.startedAt
          if (row?.lease === null && row.claim === claim && !isRepeat) row.lease = { worker: '', leasedAt: 0, until: 0 }
        }
        return inner.settle(input)
      },
    }),
  },
  {
    fault: 'a repeated settlement is not recognised',
    caughtBy: 'settle: the same settlement again is already applied, and writes nothing twice',
    of: (inner) => ({
      settle: async ({ now, settlements }) => {
        const { statuses, ...result } = await inner.settle({ now, settlements })
        return { ...result, statuses: statuses.map((status) => (status === 'alreadyApplied' ? 'stale' : status)) }
      },
    }),
  },
  {
    fault: 'the attempt is kept without its headers',
    caughtBy: 'settle: the attempt and the next state are written together',
    of: (inner) => ({
      listAttempts: async (query) => {
        const page = await inner.listAttempts(query)
        return { ...page, items: page.items.map((one): AttemptRecord => ({ ...one, responseHeaders: {} })) }
      },
    }),
  },
  {
    fault: 'observations count in the order of their arrival',
    caughtBy: 'observations: a success that began before the failures heals none of them',
    of: (inner) => {
      let arrived = NOW
      return {
        settle: ({ now, settlements }) =>
          inner.settle({
            now,
            settlements: settlements.map((one) => ({
              ...one,
              observation: one.observation === null ? null : { ...one.observation, at: arrived++ },
            })),
          }),
      }
    },
  },
  {
    fault: 'health counts as a change of the endpoint set',
    caughtBy: 'observations: what is not written is not observed, and health is no change of the endpoint set',
    of: (inner) => ({
      settle: async (input) => {
        const result = await inner.settle(input)
        for (const { endpointId: id } of result.health) {
          await inner.updateEndpoint({ id, tenant: null, settings: {}, now: input.now })
        }
        return result
      },
    }),
  },
  {
    fault: 'the rest that an endpoint asked for is ignored',
    caughtBy: 'throttle: the whole lane rests until the moment that a settlement set',
    of: (inner) => ({
      settle: ({ now, settlements }) =>
        inner.settle({ now, settlements: settlements.map((one) => ({ ...one, blockLaneUntil: null })) }),
    }),
  },
  {
    fault: 'the guard of a verdict is ignored',
    caughtBy: 'disable: a success since the verdict protects the endpoint',
    of: (inner) => ({ changeEndpointState: (input) => inner.changeEndpointState({ ...input, guard: null }) }),
  },
  {
    fault: 'every caller is told to warn',
    caughtBy: 'disable: the warning is told once in each run of failures',
    of: () => ({ markWarned: async () => true }),
  },
]

const upkeepFaults: Fault[] = [
  {
    fault: 'a tenant reaches endpoints of another',
    caughtBy: "endpoints: another tenant's endpoint is not found",
    of: (inner) => ({ updateEndpoint: (input) => inner.updateEndpoint({ ...input, tenant: null }) }),
  },
  {
    fault: 'a cursor counts rows, so that inserted rows move it',
    caughtBy: 'lists: what is inserted between two pages neither hides nor repeats anything',
    of: (inner) => ({
      listDeliveries: ({ selection, ...page }) => byOffset((one) => inner.listDeliveries({ selection, ...one }))(page),
    }),
  },
  {
    fault: 'records that were handed out change afterwards',
    caughtBy: 'lists: a record that was handed out does not change afterwards',
    of: (inner) => {
      const handedOut: DeliveryRecord[] = []
      return {
        listDeliveries: async (query) => {
          const page = await inner.listDeliveries(query)
          handedOut.push(...page.items)
          return page
        },
        settle: async (input) => {
          const result = await inner.settle(input)
          const now = new Map((await allDeliveries(inner)).map((delivery) => [delivery.id, delivery]))
          for (const delivery of handedOut) Object.assign(delivery, now.get(delivery.id))
          return result
        },
      }
    },
  },
  {
    fault: 'prune takes what is still to be delivered',
    caughtBy: 'prune: never what is pending, leased or held, however old',
    of: (inner, tables) => ({
      prune: (input) => {
        for (const row of tables.deliveries.values()) {
          if (row.endedAt !== null || row.createdAt >= input.failedBefore) continue
          row.endpoint.lane.pending.delete(row)
          tables.leased.delete(row)
          row.event.deliveries.delete(row.endpoint.record.id)
          tables.deliveries.delete(row.key)
          tables.deliveriesByCreation.delete(row)
        }
        return inner.prune(input)
      },
    }),
  },
  {
    fault: 'held deliveries are canceled before their time',
    caughtBy: 'cancel held: what was held, and due, since before is canceled; the rest waits on',
    of: (inner) => ({ cancelHeld: (input) => inner.cancelHeld({ ...input, heldBefore: input.now }) }),
  },
  {
    fault: 'a replay takes in what is made later',
    caughtBy: 'replay: deliveries made later are not part of it, not even of the same moment',
    of: (inner) => {
      const asked = new Map<string, Parameters<Storage['createReplay']>[0]>()
      return {
        createReplay: async (input) => {
          asked.set(input.id, input)
          return {
            ...input,
            tenant: null,
            state: 'running',
            requeued: 0,
            skipped: 0,
            cursor: { at: -1, key: 0 },
            bound: { at: input.now, key: 0 },
            createdAt: input.now,
            endedAt: null,
          }
        },
        stepReplay: async (input) => {
          const replay = asked.get(input.replayId)
          if (replay !== undefined) await inner.createReplay(replay)
          return inner.stepReplay(input)
        },
      }
    },
  },
]

export const PLAIN_FAULTS: Fault[] = [...acceptFaults, ...claimFaults, ...settleFaults, ...upkeepFaults]
