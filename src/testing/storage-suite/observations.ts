import type { EndpointHealth } from '../../model/endpoint.ts'
import type { Observation, SettleResult, Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { matches, same } from './expect.ts'
import {
  addEndpoint,
  attemptOf,
  claimOne,
  delivered,
  endpointNow,
  NOW,
  sendOne,
  settleAll,
  settleOne,
  versionOf,
} from './fixtures.ts'

type Told = [kind: Observation['kind'], at: number, struggling?: boolean]

/** Settles one attempt at `ep_a` for each, so that these observations arrive in this order. */
async function tell(storage: Storage, ...observations: Told[]): Promise<SettleResult[]> {
  const results: SettleResult[] = []
  for (const [index, [kind, at, struggling = false]] of observations.entries()) {
    await sendOne(storage, { id: `evt_${at}_${index}_${Math.abs(at - NOW)}_${kind}`, to: ['ep_a'] })
    const lease = await claimOne(storage, 'ep_a')
    results.push(await settleOne(storage, delivered(lease, { observation: { kind, at, struggling } })))
  }
  return results
}

async function healthNow(storage: Storage): Promise<EndpointHealth> {
  return (await endpointNow(storage, 'ep_a')).health
}

export const observations: Behaviour[] = [
  {
    name: 'observations: failures are counted from the first since the last success',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await tell(storage, ['failure', NOW + 1], ['failure', NOW + 2, true], ['failure', NOW + 3, true])
      matches(
        await healthNow(storage),
        { failingSince: NOW + 1, failures: 3, lastFailureAt: NOW + 3, struggling: true, warned: false },
        'a run of failures tells its beginning, its length, its end and how the last one failed',
      )
      const [lane] = await storage.dueLanes({ now: NOW, limit: 1, exclude: [] })
      same(lane, undefined, 'nothing is due')
      await sendOne(storage, { id: 'evt_due', to: ['ep_a'] })
      const [due] = await storage.dueLanes({ now: NOW, limit: 1, exclude: [] })
      same(due?.struggling, true, 'a due lane tells that its endpoint struggles')
    },
  },
  {
    name: 'observations: a success heals what began before it',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await tell(storage, ['failure', NOW + 1, true])
      await storage.markWarned({ id: 'ep_a', failingSince: NOW + 1 })
      await tell(storage, ['success', NOW + 2])
      matches(
        await healthNow(storage),
        { failingSince: null, failures: 0, recoveredAt: NOW + 2, struggling: false, warned: false },
        'the run of failures is over',
      )
    },
  },
  {
    name: 'observations: a success at a healthy endpoint writes nothing',
    async check({ storage }) {
      const before = await addEndpoint(storage, 'ep_a')
      await tell(storage, ['success', NOW + 1], ['success', NOW + 2])
      same(await endpointNow(storage, 'ep_a'), before, 'the endpoint is as it was')
    },
  },
  {
    name: 'observations: a success that began before the failures heals none of them',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await tell(storage, ['failure', NOW + 5, true], ['failure', NOW + 6, true], ['success', NOW + 1])
      matches(
        await healthNow(storage),
        { failingSince: NOW + 5, failures: 2, struggling: true },
        'an old success that arrives late changes nothing',
      )
    },
  },
  {
    name: 'observations: a failure that began before a known success tells nothing',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await tell(storage, ['failure', NOW + 2], ['success', NOW + 5], ['failure', NOW + 3, true])
      matches(
        await healthNow(storage),
        { failingSince: null, failures: 0, recoveredAt: NOW + 5, struggling: false },
        'an old failure that arrives late changes nothing',
      )
    },
  },
  {
    name: 'observations: a success amid the failures leaves those that began after it',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await tell(storage, ['failure', NOW + 1], ['failure', NOW + 9, true], ['success', NOW + 5])
      matches(
        await healthNow(storage),
        { failingSince: NOW + 9, failures: 1, recoveredAt: NOW + 5, lastFailureAt: NOW + 9, struggling: true },
        'the run begins anew with the last failure',
      )
    },
  },
  {
    name: 'observations: an older failure that arrives late begins the run earlier, and ends it no sooner',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await tell(storage, ['failure', NOW + 8, true], ['failure', NOW + 3, false])
      matches(
        await healthNow(storage),
        { failingSince: NOW + 3, failures: 2, lastFailureAt: NOW + 8, struggling: true },
        'the last failure is the one that began last',
      )
    },
  },
  {
    name: 'observations: settle answers the health that failures wrote, and no other',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const [failure, success] = await tell(storage, ['failure', NOW + 1], ['success', NOW + 2])
      matches(
        failure?.health[0] ?? null,
        { endpointId: 'ep_a', state: 'active', urlVersion: 1 },
        'a failure answers how its endpoint is',
      )
      same(failure?.health[0]?.health.failures, 1, 'with the failure counted')
      same(failure?.health.length, 1, 'an endpoint is told once')
      same(success?.health, [], 'a success answers nothing')
    },
  },
  {
    name: 'observations: several failures of one batch are told once, as they end',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
      await sendOne(storage, { id: 'evt_b', to: ['ep_a'] })
      const failures = [await claimOne(storage, 'ep_a'), await claimOne(storage, 'ep_a')].map((lease) =>
        delivered(lease, { observation: { kind: 'failure', at: NOW, struggling: false } }),
      )
      const { health } = await settleAll(storage, failures)
      same(
        health.map((one) => one.health.failures),
        [2],
        'one answer, after the last of them',
      )
    },
  },
  {
    name: 'observations: what is not written is not observed, and health is no change of the endpoint set',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const version = await versionOf(storage)
      await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
      const lease = await claimOne(storage, 'ep_a')
      const failure: Observation = { kind: 'failure', at: NOW, struggling: true }
      const stale = delivered({ ...lease, claim: 9 }, { attempt: attemptOf(lease), observation: failure })
      const result = await settleAll(storage, [stale])
      same(result, { statuses: ['stale'], health: [], promotedDueAt: null }, 'a stale settlement tells nothing')
      same((await healthNow(storage)).failures, 0, 'and writes no health')
      await settleOne(storage, delivered(lease, { observation: failure }))
      same(
        await storage.endpointChanges({ tenant: 'default', since: version }),
        null,
        'health never counts as a change',
      )
    },
  },
]
