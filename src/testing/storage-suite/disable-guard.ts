import type { EndpointRecord } from '../../model/endpoint.ts'
import type { StateChange, Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { matches, same } from './expect.ts'
import { addEndpoint, claimOne, delivered, endpointNow, NOW, sendOne, settleOne } from './fixtures.ts'

type Guard = StateChange['guard']

function disable(storage: Storage, guard: Guard): Promise<EndpointRecord | null> {
  return storage.changeEndpointState({
    id: 'ep_a',
    tenant: null,
    from: ['active'],
    to: 'disabled',
    reason: 'failing',
    now: NOW + 100,
    guard,
  })
}

async function observe(storage: Storage, kind: 'success' | 'failure', at: number): Promise<void> {
  await sendOne(storage, { id: `evt_${at}`, to: ['ep_a'] })
  const lease = await claimOne(storage, 'ep_a')
  await settleOne(storage, delivered(lease, { observation: { kind, at, struggling: true } }))
}

/** An endpoint that fails, and what a verdict about it was made from. */
async function failing(storage: Storage): Promise<NonNullable<Guard>> {
  await addEndpoint(storage, 'ep_a')
  await observe(storage, 'failure', NOW + 1)
  const { urlVersion, health } = await endpointNow(storage, 'ep_a')
  return { urlVersion, recoveredAt: health.recoveredAt }
}

export const disableGuard: Behaviour[] = [
  {
    name: 'disable: a verdict counts while nothing spoke against it, once',
    async check({ storage }) {
      const guard = await failing(storage)
      const won = await disable(storage, guard)
      matches(
        won,
        { state: 'disabled', stateReason: 'failing', stateChangedAt: NOW + 100 },
        'the endpoint is disabled, and tells why and since when',
      )
      same(await disable(storage, guard), null, 'a second verdict finds it disabled')
    },
  },
  {
    name: 'disable: of two verdicts at the same time one wins',
    async check({ storage }) {
      const guard = await failing(storage)
      const verdicts = await Promise.all([disable(storage, guard), disable(storage, guard)])
      same(verdicts.filter((one) => one !== null).length, 1, 'only the winner is answered the endpoint')
    },
  },
  {
    name: 'disable: a success since the verdict protects the endpoint',
    async check({ storage }) {
      const guard = await failing(storage)
      await observe(storage, 'success', NOW + 2)
      same(await disable(storage, guard), null, 'the guard changed')
      same((await endpointNow(storage, 'ep_a')).state, 'active', 'the endpoint stays active')
    },
  },
  {
    name: 'disable: a verdict about an old URL never disables the new one',
    async check({ storage }) {
      const guard = await failing(storage)
      const settings = { url: 'https://example.com/new' }
      await storage.updateEndpoint({ id: 'ep_a', tenant: null, settings, now: NOW + 3 })
      same(await disable(storage, guard), null, 'the guard changed')
      same((await endpointNow(storage, 'ep_a')).state, 'active', 'the endpoint stays active')
    },
  },
  {
    name: 'disable: leaving it resets health, pausing and resuming do not',
    async check({ storage }) {
      const guard = await failing(storage)
      const change = { id: 'ep_a', tenant: null, reason: null, guard: null, now: NOW + 200 }
      await storage.changeEndpointState({ ...change, from: ['active'], to: 'paused' })
      await storage.changeEndpointState({ ...change, from: ['paused'], to: 'active' })
      matches((await endpointNow(storage, 'ep_a')).health, { failingSince: NOW + 1, failures: 1 }, 'health is kept')
      await disable(storage, guard)
      await storage.markWarned({ id: 'ep_a', failingSince: NOW + 1 })
      const enabled = await storage.changeEndpointState({ ...change, from: ['disabled'], to: 'active' })
      matches(
        enabled?.health ?? null,
        { failingSince: null, failures: 0, struggling: false, warned: false },
        'an enabled endpoint begins healthy',
      )
    },
  },
  {
    name: 'disable: a verdict from before an endpoint was enabled never disables it again',
    async check({ storage }) {
      const guard = await failing(storage)
      await disable(storage, guard)
      const enable = { id: 'ep_a', tenant: null, reason: null, guard: null, now: NOW + 200 }
      await storage.changeEndpointState({ ...enable, from: ['disabled'], to: 'active' })
      same(await disable(storage, guard), null, 'the guard changed')
      same((await endpointNow(storage, 'ep_a')).state, 'active', 'the endpoint stays active')
    },
  },
  {
    name: 'disable: the warning is told once in each run of failures',
    async check({ storage }) {
      await failing(storage)
      const warn = (failingSince: number) => storage.markWarned({ id: 'ep_a', failingSince })
      same(await warn(NOW + 9), false, 'another run of failures is not this one')
      const both = await Promise.all([warn(NOW + 1), warn(NOW + 1)])
      same(both.filter(Boolean).length, 1, 'true for the one call that marks it')
      same(await warn(NOW + 1), false, 'and never again in this run')
      same((await endpointNow(storage, 'ep_a')).health.warned, true, 'health tells that it was told')
      await observe(storage, 'success', NOW + 10)
      same(await warn(NOW + 1), false, 'a run that is over is not told')
      await observe(storage, 'failure', NOW + 20)
      same(await warn(NOW + 20), true, 'the next run is')
      same(await storage.markWarned({ id: 'ep_none', failingSince: NOW }), false, 'there is no such endpoint')
    },
  },
]
