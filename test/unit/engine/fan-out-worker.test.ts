import { afterEach, describe, expect, it } from 'vitest'
import { WebhookError } from '../../../src/errors.ts'
import type { SliceInput } from '../../../src/ports/storage.ts'
import { memory } from '../../../src/storage/memory/index.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { newEndpoint } from '../../../src/testing/storage-suite/fixtures.ts'
import { stallOf } from '../../support/loop-stall.ts'
import { quiet, type Rig, rig, stopAll, through } from './rig.ts'

afterEach(stopAll)

const event = { type: 'a', data: 1 }

/** Endpoints written straight to storage, as if long there. */
async function populate({ storage, clock }: Rig, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const endpoint = newEndpoint(`ep_${String(index).padStart(6, '0')}`, {
      eventTypes: null,
      overrides: {},
      secrets: [{ value: `whsec_${'A'.repeat(32)}`, createdAt: 0, expiresAt: null }],
    })
    await storage.createEndpoint({ endpoint, now: clock.now() })
  }
}

const slices = ({ storage }: Rig) =>
  storage.inputs.filter(({ method }) => method === 'insertSlice').map(({ input }) => input as SliceInput)

describe('fan-out', () => {
  it('up to 256 endpoints is written with the event, beyond it in slices', async () => {
    const made = rig()
    await populate(made, 256)
    expect(await made.sender.send(event)).toMatchObject({ deliveries: 256 })
    await populate(made, 257)
    expect(await made.sender.send(event)).toMatchObject({ deliveries: null })
    expect((await made.sender.health()).pending).toBe(256)
    await made.sender.drain()
    expect(made.requests).toHaveLength(256 + 257)
    expect(slices(made).map(({ deliveries }) => deliveries.length)).toEqual([256, 1])
  })

  it('to 10,000 endpoints goes to each once, and holds the host up for less than 50 ms at a time', async () => {
    const made = rig({ concurrency: { total: 100 } })
    await populate(made, 10_000)
    await made.sender.health()
    const toAll = async () => {
      made.storage.inputs.length = 0
      const tomorrow = new Date(made.clock.now() + 86_400_000)
      const { id, deliveries } = await made.sender.send({ ...event, deliverAt: tomorrow })
      expect(deliveries).toBeNull()
      await made.sender.drain()
      const parts = slices(made)
      expect(parts.map(({ eventId }) => eventId)).toEqual(Array(40).fill(id))
      const ids = parts.flatMap((part) => part.deliveries.map(({ endpointId }) => endpointId))
      expect(new Set(ids).size).toBe(10_000)
      expect(ids).toHaveLength(10_000)
    }
    expect(await stallOf(50, toAll)).toBeLessThan(50)
  }, 60_000)

  it('goes on in another process where it was left, and brings nobody two', async () => {
    const storage = memory()
    const first = rig({ storage })
    await populate(first, 1_000)
    let written = 0
    first.storage.tamper('insertSlice', async (call) => {
      if (++written > 2) throw new Error('killed')
      return call()
    })
    await first.sender.send(event)
    await first.sender.drain().catch(() => {})
    const next = rig({ storage, runtime: { random: seededRandom(2) } })
    await next.sender.drain()
    const urls = [...first.requests, ...next.requests].map(({ url }) => url)
    expect(new Set(urls).size).toBe(1_000)
    expect(urls).toHaveLength(1_000)
  })

  it('whose answer got lost is done again without harm', async () => {
    const made = rig()
    await populate(made, 600)
    let calls = 0
    made.storage.tamper('insertSlice', async (call) => {
      const answer = await call()
      if (++calls === 1) throw new WebhookError('storage_unavailable', 'lost.', { retryable: true })
      return answer
    })
    await made.sender.send(event)
    await through(made.clock, made.sender.drain())
    expect(made.requests).toHaveLength(600)
  })

  it('leaves out endpoints created after the event was accepted, and those deleted since', async () => {
    const made = rig()
    await populate(made, 300)
    await made.sender.send(event)
    const { id } = await made.sender.endpoints.create({ url: 'https://example.com/late' })
    await made.sender.endpoints.delete('ep_000007')
    await made.sender.drain()
    expect(made.requests).toHaveLength(299)
    expect((await made.sender.deliveries.list({ endpointId: id })).items).toEqual([])
  })

  it('is taken up by a started sender at once, and keeps deliverAt', async () => {
    const made = rig({ concurrency: { total: 500 } })
    await populate(made, 300)
    await made.sender.start()
    await quiet()
    await made.sender.send({ ...event, deliverAt: new Date(made.clock.now() + 5_000) })
    await quiet(100)
    expect((await made.sender.health()).pending).toBe(300)
    expect(made.requests).toHaveLength(0)
    for (let seconds = 0; seconds < 8; seconds++) {
      made.clock.advanceBy(1_000)
      await quiet(100)
    }
    expect(made.requests).toHaveLength(300)
    for (const { at } of made.requests) expect(at).toBeGreaterThanOrEqual(Date.UTC(2026, 0, 1) + 5_000)
  })
})
