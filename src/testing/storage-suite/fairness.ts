import type { Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { same } from './expect.ts'
import { addEndpoint, claimOne, dueNow, NOW, send, sendOne } from './fixtures.ts'

/** Queues `count` deliveries at each endpoint, all due at once. */
async function queue(
  storage: Storage,
  tenant: string,
  endpoints: string[],
  count: number,
  dueAt: number,
): Promise<void> {
  for (let index = 0; index < count; index++) {
    await send(storage, { id: `evt_${endpoints[0]}_${index}`, tenant, to: endpoints, now: dueAt })
  }
}

/** Serves one delivery at a time, each a millisecond later; returns whose they were. */
async function serve(storage: Storage, from: number, times: number): Promise<string[]> {
  const served: string[] = []
  for (let now = from; now < from + times; now++) {
    const [first] = await dueNow(storage, now, 1)
    if (first === undefined) break
    served.push((await claimOne(storage, first, { now })).endpointId)
  }
  return served
}

export const fairness: Behaviour[] = [
  {
    name: 'fairness: due lanes stand in line by the moment they fell due',
    async check({ storage }) {
      for (const id of ['ep_a', 'ep_b', 'ep_c']) await addEndpoint(storage, id)
      await sendOne(storage, { id: 'evt_b', to: ['ep_b'], dueAt: NOW + 2 })
      await sendOne(storage, { id: 'evt_c', to: ['ep_c'], dueAt: NOW + 1 })
      await sendOne(storage, { id: 'evt_a', to: ['ep_a'], dueAt: NOW + 3 })
      same(await dueNow(storage, NOW + 10), ['ep_c', 'ep_b', 'ep_a'], 'who fell due first is served first')
      same(await dueNow(storage, NOW + 10, 2), ['ep_c', 'ep_b'], 'no more lanes than asked for')
      same(await dueNow(storage, NOW + 10, 2, ['ep_c']), ['ep_b', 'ep_a'], 'an excluded lane takes nobody’s place')
    },
  },
  {
    name: 'fairness: an endpoint with a long queue does not delay another',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_long')
      await addEndpoint(storage, 'ep_short')
      await queue(storage, 'default', ['ep_long'], 5, NOW)
      await sendOne(storage, { id: 'evt_short', to: ['ep_short'], now: NOW + 1 })
      same(
        await serve(storage, NOW + 10, 3),
        ['ep_long', 'ep_short', 'ep_long'],
        'a lane that was claimed from goes to the end of the line',
      )
    },
  },
  {
    name: 'fairness: no lane is served twice before each was served once',
    async check({ storage }) {
      const endpoints = ['ep_a', 'ep_b', 'ep_c', 'ep_d']
      for (const id of endpoints) await addEndpoint(storage, id)
      await queue(storage, 'default', endpoints, 3, NOW)
      const served = await serve(storage, NOW + 10, 12)
      for (let round = 0; round < 3; round++) {
        same(served.slice(round * 4, round * 4 + 4).sort(), endpoints, `round ${round + 1} serves each lane once`)
      }
    },
  },
  {
    name: 'fairness: a newcomer behind a queue waits for one turn, not for the queue',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_long')
      await addEndpoint(storage, 'ep_new')
      await queue(storage, 'default', ['ep_long'], 6, NOW)
      await serve(storage, NOW + 10, 2)
      await sendOne(storage, { id: 'evt_new', to: ['ep_new'], now: NOW + 12 })
      const served = await serve(storage, NOW + 13, 2)
      same(served.includes('ep_new'), true, 'the newcomer is among the next two')
    },
  },
  {
    name: 'fairness: tenants are listed in turn, one lane each',
    async check({ storage }) {
      for (const id of ['ep_x1', 'ep_x2', 'ep_x3']) await addEndpoint(storage, id, 'x')
      await addEndpoint(storage, 'ep_y1', 'y')
      for (const [index, id] of ['ep_x1', 'ep_x2', 'ep_x3'].entries()) {
        await sendOne(storage, { id: `evt_${id}`, tenant: 'x', to: [id], now: NOW + index })
      }
      await sendOne(storage, { id: 'evt_y', tenant: 'y', to: ['ep_y1'], now: NOW + 5 })
      same(
        await dueNow(storage, NOW + 10),
        ['ep_x1', 'ep_y1', 'ep_x2', 'ep_x3'],
        'the first lane of each tenant comes before the second of any',
      )
      same(await dueNow(storage, NOW + 10, 2), ['ep_x1', 'ep_y1'], 'also when few are asked for')
    },
  },
  {
    name: 'fairness: a tenant with many endpoints does not delay another',
    async check({ storage }) {
      const many = ['ep_x1', 'ep_x2', 'ep_x3', 'ep_x4']
      for (const id of many) await addEndpoint(storage, id, 'x')
      await addEndpoint(storage, 'ep_y1', 'y')
      await queue(storage, 'x', many, 1, NOW)
      await queue(storage, 'y', ['ep_y1'], 2, NOW + 1)
      const served = await serve(storage, NOW + 10, 4)
      same(
        served.map((id) => id.slice(0, 4)),
        ['ep_x', 'ep_y', 'ep_x', 'ep_y'],
        'a tenant that was claimed from goes to the end of the line',
      )
    },
  },
  {
    name: 'fairness: a due lane tells what serving it needs',
    async check({ storage }) {
      const { createdVersion } = await addEndpoint(storage, 'ep_a', 'acme')
      await sendOne(storage, { id: 'evt_a', tenant: 'acme', to: ['ep_a'] })
      same(
        await storage.dueLanes({ now: NOW, limit: 1, exclude: [] }),
        [{ endpointId: 'ep_a', tenant: 'acme', endpointsVersion: createdVersion, struggling: false }],
        'endpoint, tenant, its endpoint-set version, and whether it struggles',
      )
    },
  },
]
