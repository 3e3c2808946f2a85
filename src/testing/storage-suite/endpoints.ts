import type { EndpointRecord, EndpointSettings } from '../../model/endpoint.ts'
import type { EndpointUpdate } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { holds, matches, same } from './expect.ts'
import {
  addEndpoint,
  claimOne,
  collect,
  endpointNow,
  NOW,
  newEndpoint,
  pause,
  rejected,
  sendOne,
  settleOne,
  versionOf,
} from './fixtures.ts'

export const endpoints: Behaviour[] = [
  {
    name: 'endpoints: one is kept as it was given, active and healthy',
    async check({ storage }) {
      const given = newEndpoint('ep_a', { tenant: 'acme', eventTypes: null, description: 'ü' })
      const created = await storage.createEndpoint({ endpoint: given, now: NOW })
      matches(created, given, 'the settings are those given')
      matches(
        created,
        { state: 'active', stateReason: null, stateChangedAt: NOW, createdAt: NOW, updatedAt: NOW, urlVersion: 1 },
        'a new endpoint is active from now on',
      )
      const { recoveredAt, failingSince, failures, struggling, warned } = created.health
      same(
        { recoveredAt, failingSince, failures, struggling, warned },
        { recoveredAt: null, failingSince: null, failures: 0, struggling: false, warned: false },
        'a new endpoint is healthy',
      )
      same(await endpointNow(storage, 'ep_a'), created, 'getEndpoint returns what createEndpoint did')
    },
  },
  {
    name: 'endpoints: an update changes what it names and nothing else',
    async check({ storage }) {
      const before = await addEndpoint(storage, 'ep_a')
      const settings = { description: 'new', eventTypes: ['order.*', 'invoice.paid'], overrides: {} }
      const after = await storage.updateEndpoint({ id: 'ep_a', tenant: null, settings, now: NOW + 5 })
      same(after, { ...before, ...settings, updatedAt: NOW + 5 }, 'only what is named changes')
      same(await endpointNow(storage, 'ep_a'), after, 'and stays so')
    },
  },
  {
    name: 'endpoints: an update is not written over overrides that it does not know of',
    async check({ storage }) {
      const { overrides } = await addEndpoint(storage, 'ep_a')
      const update = { id: 'ep_a', tenant: null, now: NOW + 5 }
      const mine = { ...update, settings: { overrides: { concurrency: 1 } }, guard: { overrides } }
      const other = { ...update, settings: { overrides: { retry: { jitter: 0 } } }, guard: { overrides } }
      holds((await storage.updateEndpoint(other)) !== 'conflict', 'the first of two is written')
      same(await storage.updateEndpoint(mine), 'conflict', 'the second is told that there is something new')
      same((await endpointNow(storage, 'ep_a')).overrides, { retry: { jitter: 0 } }, 'and changes nothing')
      const merged = { overrides: { retry: { jitter: 0 }, concurrency: 1 } }
      await storage.updateEndpoint({ ...update, settings: merged, guard: { overrides: { retry: { jitter: 0 } } } })
      same((await endpointNow(storage, 'ep_a')).overrides, merged.overrides, 'until it was made from what there is')
    },
  },
  {
    name: 'endpoints: an update is not written over secrets that it does not know of',
    async check({ storage }) {
      const { secrets } = await addEndpoint(storage, 'ep_a')
      const update = { id: 'ep_a', tenant: null, now: NOW + 5 }
      const rotated = [{ value: 'whsec_new', createdAt: NOW + 5, expiresAt: null }, ...secrets]
      const rotate = () => storage.updateEndpoint({ ...update, settings: { secrets: rotated }, guard: { secrets } })
      matches(await rotate().then(found), { secrets: rotated, updatedAt: NOW + 5 }, 'the first of two is written')
      const version = await versionOf(storage)
      same(await rotate(), 'conflict', 'the second is told that there is something new')
      same(await versionOf(storage), version, 'which is no change of the endpoint set')
      const expired = rotated.map((secret) => ({ ...secret, expiresAt: NOW + 9 }))
      const other = { ...update, settings: { description: 'x' }, guard: { secrets: expired } }
      same(await storage.updateEndpoint(other), 'conflict', 'also where only the end of one is another')
      matches(await endpointNow(storage, 'ep_a'), { secrets: rotated, description: null }, 'and changes nothing')
    },
  },
  {
    name: 'endpoints: an update may be guarded by several settings, and by those that it leaves alone',
    async check({ storage }) {
      const { overrides, secrets } = await addEndpoint(storage, 'ep_a')
      const update = { id: 'ep_a', tenant: null, now: NOW, settings: { description: 'x' } }
      const none: EndpointSettings['secrets'] = []
      const guarded = (guard: NonNullable<EndpointUpdate['guard']>) => storage.updateEndpoint({ ...update, guard })
      same(await guarded({ overrides, secrets: none }), 'conflict', 'with another secret')
      same(await guarded({ overrides: {}, secrets }), 'conflict', 'with other overrides')
      same((await endpointNow(storage, 'ep_a')).description, null, 'nothing is written')
      matches(await guarded({ overrides, secrets }).then(found), { description: 'x', secrets }, 'with both as they are')
      matches(await guarded({}).then(found), { description: 'x' }, 'a guard that names nothing guards nothing')
      same(await storage.updateEndpoint({ ...update, tenant: 'other', guard: { secrets: none } }), null, 'not found')
    },
  },
  {
    name: 'endpoints: the URL version counts changes of the URL',
    async check({ storage }) {
      const { url } = await addEndpoint(storage, 'ep_a')
      const update = async (settings: { url?: string; description?: string }) => {
        await storage.updateEndpoint({ id: 'ep_a', tenant: null, settings, now: NOW })
        return (await endpointNow(storage, 'ep_a')).urlVersion
      }
      same(await update({ url, description: 'x' }), 1, 'the same URL is no change')
      same(await update({ url: 'https://example.com/other' }), 2, 'another URL is')
      same(await update({ description: 'y' }), 2, 'other settings are not')
    },
  },
  {
    name: 'endpoints: a state is left only from where it was expected',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const paused = await pause(storage, 'ep_a', NOW + 7)
      matches(paused, { state: 'paused', stateChangedAt: NOW + 7 }, 'an active endpoint is paused')
      same(await pause(storage, 'ep_a', NOW + 8), null, 'a paused one is not active')
      matches(await endpointNow(storage, 'ep_a'), { state: 'paused', stateChangedAt: NOW + 7 }, 'nothing was written')
      same(await pause(storage, 'ep_none'), null, 'there is no such endpoint')
    },
  },
  {
    name: "endpoints: another tenant's endpoint is not found",
    async check({ storage }) {
      const before = await addEndpoint(storage, 'ep_a', 'acme')
      const foreign = { id: 'ep_a', tenant: 'other', now: NOW }
      same(await storage.getEndpoint(foreign), null, 'not by get')
      same(await storage.updateEndpoint({ ...foreign, settings: { description: 'x' } }), null, 'not by update')
      same(
        await storage.changeEndpointState({ ...foreign, from: ['active'], to: 'paused', reason: null, guard: null }),
        null,
        'not by a change of state',
      )
      same(await storage.deleteEndpoint(foreign), false, 'not by delete')
      same(await storage.getEndpoint({ id: 'ep_a', tenant: 'acme' }), before, 'its own tenant finds it unchanged')
    },
  },
  {
    name: 'endpoints: a deleted one is gone, and stays gone',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const which = { id: 'ep_a', tenant: null, now: NOW }
      same(await storage.deleteEndpoint(which), true, 'it is deleted')
      same(await storage.deleteEndpoint(which), false, 'once')
      same(await storage.getEndpoint(which), null, 'it is not found')
      same(await storage.updateEndpoint({ ...which, settings: { description: 'x' } }), null, 'it is not updated')
      const listed = await collect((page) =>
        storage.listEndpoints({ changedSince: null, tenant: null, states: null, ...page }),
      )
      same(listed, [], 'it is not listed')
    },
  },
  {
    name: 'endpoints: listed newest first, by tenant and by state',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a', 'acme', NOW)
      await addEndpoint(storage, 'ep_b', 'other', NOW + 1)
      await addEndpoint(storage, 'ep_c', 'acme', NOW + 2)
      await pause(storage, 'ep_c')
      const ids = async (tenant: string | null, states: ('active' | 'paused' | 'disabled')[] | null) => {
        const found = await collect((page) => storage.listEndpoints({ changedSince: null, tenant, states, ...page }), {
          limit: 1,
        })
        return found.map(({ id }) => id)
      }
      same(await ids(null, null), ['ep_c', 'ep_b', 'ep_a'], 'newest first')
      same(await ids('acme', null), ['ep_c', 'ep_a'], 'of one tenant')
      same(await ids('acme', ['active', 'disabled']), ['ep_a'], 'in some states')
      same(await ids('nobody', null), [], 'of a tenant that has none')
    },
  },
  {
    name: 'endpoints: listed by when their settings or state changed last',
    async check({ storage }) {
      for (const id of ['ep_a', 'ep_b', 'ep_c', 'ep_d']) await addEndpoint(storage, id)
      await addEndpoint(storage, 'ep_other', 'other', NOW + 10)
      await storage.updateEndpoint({ id: 'ep_a', tenant: null, settings: { description: 'x' }, now: NOW + 10 })
      await pause(storage, 'ep_b', NOW + 20)
      await sendOne(storage, { id: 'evt_a', to: ['ep_c'] })
      await settleOne(storage, rejected(await claimOne(storage, 'ep_c'), NOW + 30), NOW + 30)
      await storage.deleteEndpoint({ id: 'ep_d', tenant: null, now: NOW + 40 })
      const since = async (changedSince: number | null, tenant: string | null = 'default', examine = 100) => {
        const list = { tenant, states: null, changedSince }
        const found = await collect((page) => storage.listEndpoints({ ...list, ...page }), { limit: 2, examine })
        return found.map(({ id }) => id)
      }
      same(await since(NOW + 10), ['ep_b', 'ep_a'], 'at that moment or after, newest endpoint first')
      same(await since(NOW + 11), ['ep_b'], 'not before')
      same(await since(NOW + 21), [], 'health and its like are no change, and what is deleted is not listed')
      same(await since(NOW), ['ep_c', 'ep_b', 'ep_a'], 'its creation is a change')
      same(await since(null), ['ep_c', 'ep_b', 'ep_a'], 'null: all')
      same(await since(NOW + 10, null, 1), ['ep_other', 'ep_b', 'ep_a'], 'over all tenants, a look at a time')
    },
  },
]

/** What an update that must be written answers. */
function found(answer: EndpointRecord | 'conflict' | null): EndpointRecord {
  holds(answer !== 'conflict' && answer !== null, 'the update is written')
  return answer
}
