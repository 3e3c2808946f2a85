import { describe, expect, it } from 'vitest'
import { EndpointCache } from '../../../src/engine/endpoint-cache.ts'
import { addEndpoint, NOW, newEndpoint } from '../../../src/testing/storage-suite/fixtures.ts'
import { quiet, tampered } from './rig.ts'

const setUp = (max = 100) => {
  const storage = tampered()
  return { storage, cache: new EndpointCache(storage, max) }
}
const reads = (storage: ReturnType<typeof tampered>) =>
  storage.inputs.filter(({ method }) => method === 'endpointChanges').map(({ input }) => input)

describe('EndpointCache', () => {
  it('reads a tenant once, and only what changed after that', async () => {
    const { storage, cache } = setUp()
    await addEndpoint(storage, 'ep_1', 'acme')
    await addEndpoint(storage, 'ep_2', 'acme')
    const first = await cache.at('acme', 0)
    expect(await cache.at('acme', first.version)).toBe(first)
    await addEndpoint(storage, 'ep_3', 'acme')
    await storage.updateEndpoint({ id: 'ep_1', tenant: null, settings: { eventTypes: ['other'] }, now: NOW })
    await storage.deleteEndpoint({ id: 'ep_2', tenant: null, now: NOW })
    const second = await cache.at('acme', first.version + 1)
    expect(second.match('invoice.paid').map(({ id }) => id)).toEqual(['ep_3'])
    expect(second.match('other').map(({ id }) => id)).toEqual(['ep_1'])
    expect(second.get('ep_2')).toBeUndefined()
    expect(first.get('ep_2')).toBeDefined()
    expect(reads(storage)).toEqual([
      { tenant: 'acme', since: 0 },
      { tenant: 'acme', since: first.version },
    ])
  })

  it('matches in the order of ids, whenever they were made', async () => {
    const { storage, cache } = setUp()
    for (const id of ['ep_3', 'ep_1', 'ep_2']) {
      await storage.createEndpoint({ endpoint: { ...newEndpoint(id), eventTypes: null }, now: NOW })
    }
    expect((await cache.at('default', 0)).match('x').map(({ id }) => id)).toEqual(['ep_1', 'ep_2', 'ep_3'])
  })

  it('knows nothing of a tenant without endpoints, and asks no more', async () => {
    const { storage, cache } = setUp()
    expect((await cache.at('nobody', 0)).match('x')).toEqual([])
    await cache.at('nobody', 0)
    expect(reads(storage)).toHaveLength(1)
  })

  it('is asked by many at once with one read', async () => {
    const { storage, cache } = setUp()
    await addEndpoint(storage, 'ep_1')
    const all = await Promise.all(Array.from({ length: 20 }, () => cache.at('default', 0)))
    expect(new Set(all.map(({ size }) => size))).toEqual(new Set([1]))
    // One that is under way, and one for all who came after it began.
    expect(reads(storage).length).toBeLessThanOrEqual(2)
  })

  it('does not take a read that began before the change for one that saw it', async () => {
    const { storage, cache } = setUp()
    await addEndpoint(storage, 'ep_1')
    let answer: () => void = () => {}
    storage.tamper('endpointChanges', async (call) => {
      const read = await call()
      if (answer.length === 0) await new Promise<void>((resolve) => (answer = resolve))
      return read
    })
    const early = cache.refresh('default')
    await quiet(2)
    storage.heal()
    await addEndpoint(storage, 'ep_2')
    const late = cache.refresh('default')
    answer()
    expect((await early).size).toBe(1)
    expect((await late).size).toBe(2)
    expect(cache.known('default')?.size).toBe(2)
  })

  it('a read that failed is not remembered', async () => {
    const { storage, cache } = setUp()
    await addEndpoint(storage, 'ep_1')
    storage.tamper('endpointChanges', async () => {
      throw new Error('gone')
    })
    const failing = [cache.at('default', 0), cache.at('default', 0)]
    for (const one of failing) await expect(one).rejects.toThrow('gone')
    storage.heal()
    expect((await cache.at('default', 0)).size).toBe(1)
  })

  it('lets go of the tenants that were used least lately, beyond so many endpoints', async () => {
    const { storage, cache } = setUp(4)
    for (const tenant of ['a', 'b', 'c']) {
      await addEndpoint(storage, `ep_${tenant}1`, tenant)
      await addEndpoint(storage, `ep_${tenant}2`, tenant)
    }
    await cache.at('a', 0)
    await cache.at('b', 0)
    await cache.at('a', 0)
    await cache.at('c', 0)
    expect(['a', 'b', 'c'].filter((tenant) => cache.known(tenant) !== undefined)).toEqual(['a', 'c'])
    expect((await cache.at('b', 0)).size).toBe(2)
  })

  it('keeps the tenant in use however many endpoints it has, and not many empty ones', async () => {
    const { storage, cache } = setUp(2)
    for (const id of ['ep_1', 'ep_2', 'ep_3']) await addEndpoint(storage, id, 'large')
    expect((await cache.at('large', 0)).size).toBe(3)
    expect(cache.known('large')).toBeDefined()
    for (const tenant of ['x', 'y', 'z']) await cache.at(tenant, 0)
    expect(['large', 'x', 'y', 'z'].filter((tenant) => cache.known(tenant) !== undefined)).toEqual(['y', 'z'])
  })

  it('lets go of a tenant that was not used for minutes, and loads it again, as it is then', async () => {
    const { storage, cache } = setUp()
    for (const tenant of ['busy', 'quiet']) await addEndpoint(storage, `ep_${tenant}`, tenant)
    cache.sweep(0)
    await cache.at('busy', 0)
    await cache.at('quiet', 0)
    // Both were used since the sweep before.
    cache.sweep(5 * 60_000)
    await cache.at('busy', 0)
    // Too soon: nothing can be told of who is quiet.
    cache.sweep(5 * 60_000 + 1)
    expect(cache.known('quiet')?.size).toBe(1)
    cache.sweep(10 * 60_000)
    expect(cache.known('quiet')).toBeUndefined()
    expect(cache.known('busy')?.size).toBe(1)
    await addEndpoint(storage, 'ep_new', 'quiet')
    expect((await cache.at('quiet', 0)).size).toBe(2)
  })

  it('a change of a tenant that nobody uses is not read', async () => {
    const { storage, cache } = setUp()
    await addEndpoint(storage, 'ep_1')
    await cache.changed('default')
    expect(reads(storage)).toEqual([])
    await cache.at('default', 0)
    await addEndpoint(storage, 'ep_2')
    await cache.changed('default')
    expect(cache.known('default')?.size).toBe(2)
  })
})
