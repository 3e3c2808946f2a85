import type { Storage } from '../../ports/storage.ts'
import type { Behaviour } from './behaviour.ts'
import { holds, same } from './expect.ts'
import { addEndpoint, NOW, pause, resume, versionOf } from './fixtures.ts'

async function changes(storage: Storage, since: number, tenant = 'default') {
  const found = await storage.endpointChanges({ tenant, since })
  return found === null
    ? null
    : { version: found.version, changed: found.changed.map(({ id }) => id).sort(), deletedIds: found.deletedIds }
}

export const versions: Behaviour[] = [
  {
    name: 'versions: each change of an endpoint counts, and nothing else',
    async check({ storage }) {
      same(await versionOf(storage), 0, 'a tenant without endpoints has version 0')
      let version = 0
      const moved = async (what: string) => {
        const now = await versionOf(storage)
        holds(now > version, `${what} counts as a change`)
        same(await storage.endpointChanges({ tenant: 'default', since: now }), null, 'nothing changed since now')
        version = now
      }
      const { createdVersion } = await addEndpoint(storage, 'ep_a')
      await moved('creating')
      same(createdVersion, version, 'an endpoint knows the version at which it was created')
      await storage.updateEndpoint({ id: 'ep_a', tenant: null, settings: { description: 'x' }, now: NOW })
      await moved('updating')
      await pause(storage, 'ep_a')
      await moved('pausing')
      await resume(storage, 'ep_a')
      await moved('resuming')
      await storage.deleteEndpoint({ id: 'ep_a', tenant: null, now: NOW })
      await moved('deleting')
    },
  },
  {
    name: 'versions: what is refused is no change',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a')
      const version = await versionOf(storage)
      await resume(storage, 'ep_a')
      await storage.deleteEndpoint({ id: 'ep_a', tenant: 'other', now: NOW })
      await storage.markWarned({ id: 'ep_a', failingSince: NOW })
      same(await versionOf(storage), version, 'the version is as it was')
    },
  },
  {
    name: 'versions: the changes since a version, and no others',
    async check({ storage }) {
      for (const id of ['ep_a', 'ep_b', 'ep_c']) await addEndpoint(storage, id)
      const before = await versionOf(storage)
      same((await changes(storage, 0))?.changed, ['ep_a', 'ep_b', 'ep_c'], 'all of them from version 0')
      await pause(storage, 'ep_b')
      const afterPause = await versionOf(storage)
      same(
        await changes(storage, before),
        { version: afterPause, changed: ['ep_b'], deletedIds: [] },
        'an endpoint that changed',
      )
      await storage.deleteEndpoint({ id: 'ep_c', tenant: null, now: NOW })
      same(
        await changes(storage, afterPause),
        { version: await versionOf(storage), changed: [], deletedIds: ['ep_c'] },
        'an endpoint that was deleted',
      )
      same((await changes(storage, 0))?.changed, ['ep_a', 'ep_b'], 'a deleted one is not among the changed')
    },
  },
  {
    name: 'versions: those of tenants are apart',
    async check({ storage }) {
      await addEndpoint(storage, 'ep_a', 'acme')
      const version = await versionOf(storage, 'acme')
      await addEndpoint(storage, 'ep_b', 'other')
      same(await changes(storage, version, 'acme'), null, "another tenant's endpoint is no change here")
      same((await changes(storage, 0, 'acme'))?.changed, ['ep_a'], "another tenant's endpoint is not listed here")
    },
  },
]
