import type { ReplayKind, ReplayState } from '../../model/replay.ts'
import type { NewReplay, Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { holds, matches, same } from './expect.ts'
import { addEndpoint, collect, deliver, NOW } from './fixtures.ts'

function begin(storage: Storage, id: string, over: Partial<NewReplay> = {}) {
  return storage.createReplay({ id, kind: 'replay', selection: {}, perSecond: null, total: 0, now: NOW, ...over })
}

async function listed(
  storage: Storage,
  { tenant = null, states = null }: { tenant?: string | null; states?: ReplayState[] | null },
  page = { limit: 100, examine: 1_000 },
): Promise<string[]> {
  const found = await collect((input) => storage.listReplays({ tenant, states, ...input }), page)
  return found.map(({ id }) => id)
}

export const replayLists: Behaviour[] = [
  {
    name: 'replay: listed newest first, and the same in pages of any size',
    async check({ storage }) {
      const ids = ['rpl_c', 'rpl_b', 'rpl_a', 'rpl_d', 'rpl_e']
      // Two of them in the same millisecond.
      for (const [index, id] of ids.entries()) await begin(storage, id, { now: NOW + Math.floor(index / 2) })
      for (const page of [
        { limit: 100, examine: 100 },
        { limit: 2, examine: 100 },
        { limit: 1, examine: 1 },
        { limit: 5, examine: 2 },
      ]) {
        same(await listed(storage, {}, page), ids.toReversed(), `limit ${page.limit}, examine ${page.examine}`)
      }
    },
  },
  {
    name: 'replay: listed by the tenant of its selection, and by state',
    async check({ storage }) {
      await begin(storage, 'rpl_all')
      for (const id of ['rpl_done', 'rpl_over', 'rpl_runs']) await begin(storage, id, { selection: { tenant: 'acme' } })
      await begin(storage, 'rpl_other', { selection: { tenant: 'other' } })
      await storage.stepReplay({ replayId: 'rpl_done', now: NOW, limit: 10, examine: 10 })
      await storage.cancelReplay({ id: 'rpl_over', now: NOW })
      const acme = (...states: ReplayState[]) => listed(storage, { tenant: 'acme', states })
      same(await listed(storage, { tenant: 'acme' }), ['rpl_runs', 'rpl_over', 'rpl_done'], 'those of one tenant')
      same(await acme('running'), ['rpl_runs'], 'that run')
      same(await acme('completed', 'canceled'), ['rpl_over', 'rpl_done'], 'that have ended')
      same(await listed(storage, { states: ['running'] }), ['rpl_other', 'rpl_runs', 'rpl_all'], 'of all tenants')
      same(await listed(storage, { tenant: 'nobody' }), [], 'of a tenant that has none')
      const page = { limit: 10, examine: 1 }
      same(await listed(storage, { tenant: 'acme', states: ['completed'] }, page), ['rpl_done'], 'a look at a time')
    },
  },
  {
    name: 'replay: both kinds are kept as they were asked for, listed, and run oldest first',
    async check({ storage }) {
      const selection = { tenant: 'acme', endpointId: 'ep_a', type: 'invoice.paid', since: NOW, until: NOW + 5 }
      const backfill = await begin(storage, 'rpl_b', { kind: 'backfill', selection, perSecond: 2.5, total: 7 })
      const replay = await begin(storage, 'rpl_a', { now: NOW + 1 })
      matches(backfill, { kind: 'backfill', tenant: 'acme', selection, perSecond: 2.5, total: 7 }, 'a backfill')
      matches(replay, { kind: 'replay', tenant: null, selection: {} }, 'a replay')
      same(await storage.getReplay('rpl_b'), backfill, 'found by its id')
      same(await begin(storage, 'rpl_b', { kind: 'replay', now: NOW + 9 }), backfill, 'repeating changes nothing')
      same(await storage.runningReplays({ limit: 10 }), [backfill, replay], 'running')
      const all = await collect((page) => storage.listReplays({ tenant: null, states: null, ...page }))
      same(all, [replay, backfill], 'listed')
      await storage.cancelReplay({ id: 'rpl_b', now: NOW + 9 })
      matches(await storage.getReplay('rpl_b'), { state: 'canceled', endedAt: NOW + 9 }, 'a backfill is canceled, too')
    },
  },
  {
    name: 'replay: its record tells what was visited last, and the last that it may visit',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      for (const [index, id] of ['evt_a', 'evt_b'].entries()) await deliver(storage, id, 'ep_a', NOW + index)
      const { cursor, bound } = await begin(storage, 'rpl_a', { now: NOW + 9 })
      holds(cursor.at < NOW && bound.at === NOW + 1, 'it begins before the first, and ends with the last')
      const step = () => storage.stepReplay({ replayId: 'rpl_a', now: NOW + 9, limit: 1, examine: 10 })
      const first = await step()
      same([first?.cursor.at, first?.bound], [NOW, bound], 'the cursor follows, the bound stays')
      same((await step())?.cursor.at, NOW + 1, 'one by one')
    },
  },
  {
    name: 'replay: one that is pruned is no longer listed',
    async check({ storage }) {
      for (const [id, kind] of [
        ['rpl_a', 'replay'],
        ['rpl_b', 'backfill'],
        ['rpl_c', 'backfill'],
      ] as [string, ReplayKind][]) {
        await begin(storage, id, { kind, selection: { tenant: 'acme', endpointId: 'ep_a' } })
      }
      for (const id of ['rpl_a', 'rpl_b']) await storage.cancelReplay({ id, now: NOW })
      while ((await storage.prune({ now: NOW, deliveredBefore: 0, failedBefore: NOW + 1, limit: 10 })) > 0);
      same(await listed(storage, { tenant: 'acme' }), ['rpl_c'], 'by tenant')
      same(await listed(storage, {}), ['rpl_c'], 'over all')
    },
  },
]
