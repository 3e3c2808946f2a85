import { afterEach, expect, it } from 'vitest'
import { EndpointCache } from '../../../src/engine/endpoint-cache.ts'
import type { EndpointChanges } from '../../../src/ports/storage.ts'
import { sqlite } from '../../../src/storage/sqlite/index.ts'
import { addEndpoint, NOW } from '../../../src/testing/storage-suite/fixtures.ts'
import { tampered } from '../engine/rig.ts'

/** Reading 10,000 endpoints at once held the event loop for 0.2 s. */

const storage = tampered(sqlite({ path: ':memory:' }))
afterEach(() => storage.close())

it('a tenant with many endpoints is read in pages, and is known only when it is whole', async () => {
  await storage.open({ now: NOW })
  const ids = Array.from({ length: 600 }, (_, index) => `ep_${String(index).padStart(4, '0')}`)
  for (const id of ids) await addEndpoint(storage, id)
  await storage.deleteEndpoint({ id: 'ep_0001', tenant: null, now: NOW })
  const cache = new EndpointCache(storage, 10_000)
  const pages: number[] = []
  storage.tamper('endpointChanges', async (call) => {
    expect(cache.known('default')).toBeUndefined()
    const page = (await call()) as EndpointChanges
    pages.push(page.changed.length + page.deletedIds.length)
    // Changed while it is read: it comes again, later.
    if (pages.length === 1)
      await storage.updateEndpoint({ id: 'ep_0000', tenant: null, settings: { description: 'new' }, now: NOW })
    return page
  })
  const known = await cache.at('default', 0)
  expect(pages.length).toBeGreaterThan(2)
  expect(Math.max(...pages)).toBeLessThanOrEqual(250)
  expect(known.match('invoice.paid').map(({ id }) => id)).toEqual(ids.filter((id) => id !== 'ep_0001'))
  expect(known.get('ep_0000')?.description).toBe('new')
  storage.heal()
  expect(await storage.endpointChanges({ tenant: 'default', since: known.version })).toBeNull()
})
