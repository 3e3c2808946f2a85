import type { Behaviour } from './behaviour.ts'
import { holds, matches, same } from './expect.ts'
import { addEndpoint, collect, endpointNow, NOW, newEndpoint, pause } from './fixtures.ts'

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
]
