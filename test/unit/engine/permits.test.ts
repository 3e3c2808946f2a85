import { describe, expect, it } from 'vitest'
import { type PermitSubject, Permits } from '../../../src/engine/permits.ts'
import { manualClock } from '../../../src/testing/manual-clock.ts'
import { quiet } from './rig.ts'

const subject = (id: string, more: Partial<PermitSubject> = {}): PermitSubject => ({
  id,
  concurrency: 3,
  rateLimit: null,
  struggling: false,
  ...more,
})
const ill = (id: string) => subject(id, { struggling: true })

function permits(total = 8) {
  const clock = manualClock()
  let told = 0
  const made = new Permits({ total, slowMs: 1_000, strugglingRetryMs: 15_000, clock, onRoom: () => (told += 1) })
  return { clock, permits: made, told: () => told }
}

describe('room', () => {
  it('is what the endpoint may have at once, less what it has', async () => {
    const { permits: p } = permits()
    expect(p.roomOf(subject('a'))).toEqual({ room: 3, retryInMs: null })
    const first = p.take(subject('a'))
    p.take(subject('a'))
    await quiet(2)
    expect(p.roomOf(subject('a')).room).toBe(1)
    p.take(subject('a'))
    await quiet(2)
    expect(p.roomOf(subject('a'))).toEqual({ room: 0, retryInMs: null })
    expect(p.fullEndpoints()).toEqual(['a'])
    expect(p.roomOf(subject('b')).room).toBe(3)
    first.release()
    await quiet(2)
    expect(p.roomOf(subject('a')).room).toBe(1)
    expect(p.fullEndpoints()).toEqual([])
  })

  it('follows a changed limit', async () => {
    const { permits: p } = permits()
    p.take(subject('a'))
    await quiet(2)
    expect(p.roomOf(subject('a', { concurrency: 5 })).room).toBe(4)
    expect(p.roomOf(subject('a', { concurrency: 1 })).room).toBe(0)
  })

  it('over all endpoints shrinks with each permit', () => {
    const { permits: p } = permits(3)
    const taken = ['a', 'b', 'c'].map((id) => p.take(subject(id)))
    expect({ free: p.free, inUse: p.inUse }).toEqual({ free: 0, inUse: 3 })
    taken[1]?.release()
    expect({ free: p.free, inUse: p.inUse }).toEqual({ free: 1, inUse: 2 })
  })
})

describe('a permit', () => {
  it('comes back by release or cancel, once, and that is told', async () => {
    const { permits: p, told } = permits()
    const [one, two] = [p.take(subject('a')), p.take(subject('a'))]
    one.release()
    one.release()
    one.cancel()
    two.cancel()
    two.release()
    await quiet(2)
    expect({ free: p.free, room: p.roomOf(subject('a')).room, told: told() }).toEqual({ free: 8, room: 3, told: 2 })
  })

  it('under a rate is used up by release and given back by cancel', async () => {
    const { permits: p } = permits()
    const limited = subject('a', { rateLimit: { limit: 1, perMs: 60_000 } })
    expect(p.roomOf(limited).room).toBe(1)
    p.take(limited).cancel()
    await quiet(4)
    expect(p.roomOf(limited).room).toBe(1)
    p.take(limited).release()
    await quiet(4)
    const { room, retryInMs } = p.roomOf(limited)
    expect({ room, retryInMs }).toEqual({ room: 0, retryInMs: 60_000 })
  })

  it('of an endpoint that went quiet leaves nothing behind', async () => {
    const { permits: p, clock } = permits(1_000)
    const limited = (id: string) => subject(id, { rateLimit: { limit: 1_000, perMs: 1_000 } })
    for (let index = 0; index < 100; index++) p.take(limited(`ep_${index}`)).release()
    await quiet(4)
    clock.advanceBy(60_000)
    p.sweep()
    await p.settled()
    p.sweep()
    expect(p.fullEndpoints()).toEqual([])
    // A gate that was let go begins anew with one permit; one that was kept would have its burst of fifty.
    expect(p.roomOf(limited('ep_7')).room).toBe(1)
  })
})

describe('bad weather', () => {
  it('leaves an endpoint one slot', async () => {
    const { permits: p } = permits()
    expect(p.roomOf(ill('a')).room).toBe(1)
    p.take(ill('a'))
    await quiet(2)
    expect(p.roomOf(ill('a'))).toEqual({ room: 0, retryInMs: null })
    expect(p.fullEndpoints()).toEqual(['a'])
  })

  it('takes a quarter of all slots at most, whoever is in it', async () => {
    const { permits: p } = permits(8)
    const first = p.take(ill('a'))
    expect(p.strugglingRoom()).toBe(1)
    p.take(ill('b'))
    await quiet(2)
    expect(p.roomOf(ill('c'))).toEqual({ room: 0, retryInMs: 15_000 })
    expect(p.roomOf(subject('healthy')).room).toBe(3)
    first.release()
    await quiet(2)
    expect(p.roomOf(ill('c')).room).toBe(1)
  })

  it('leaves one slot even where a quarter is less', () => {
    const { permits: p } = permits(2)
    expect(p.roomOf(ill('a')).room).toBe(1)
  })

  it('counts an attempt that is slow before anybody knows how it ends', async () => {
    const { permits: p, clock } = permits(8)
    const slow = p.take(subject('a'))
    await quiet(2)
    clock.advanceBy(999)
    expect(p.roomOf(subject('a')).room).toBe(2)
    clock.advanceBy(1)
    expect(p.isStruggling(subject('a'))).toBe(true)
    expect(p.roomOf(subject('a'))).toEqual({ room: 0, retryInMs: null })
    expect(p.fullEndpoints()).toEqual(['a'])
    expect(p.strugglingRoom()).toBe(1)
    p.take(subject('b'))
    clock.advanceBy(1_000)
    expect(p.roomOf(ill('c')).room).toBe(0)
    slow.release()
    await quiet(2)
    expect(p.isStruggling(subject('a'))).toBe(false)
    expect(p.roomOf(ill('c')).room).toBe(1)
  })
})
