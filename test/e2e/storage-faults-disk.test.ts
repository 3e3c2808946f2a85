import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { ENDPOINT, event, handles, make, stored, works } from './storage-faults-rig.ts'

/** A disk that is full, and then is not: nothing falsely acknowledged, nothing lost, and all is well again. */

describe('a full disk', () => {
  // As SQLite's own limit of pages, which fails with the very error of a full disk.
  const full = () => {
    for (const handle of handles) handle.pragma('max_page_count = 1')
  }
  const room = () => {
    for (const handle of handles) handle.pragma('max_page_count = 1000000')
  }
  const large = (index: number) => ({ ...event, data: { index, text: 'x'.repeat(20_000) } })

  it('acknowledges what it has and nothing else, and accepts again when there is room', async () => {
    const made = make()
    const acknowledged: string[] = []
    for (let index = 0; index < 3; index++) acknowledged.push((await made.sender.send(large(index))).id)
    full()
    const settled = await Promise.allSettled(Array.from({ length: 30 }, (_, index) => made.sender.send(large(index))))
    for (const one of settled) {
      if (one.status === 'fulfilled') acknowledged.push(one.value.id)
      else
        expect(one.reason).toMatchObject({
          code: expect.stringMatching(/^storage_(full|unavailable)$/),
          retryable: true,
        })
    }
    expect(settled.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(20)
    expect(await stored(made.sender)).toEqual(acknowledged.sort())
    room()
    await sleep(500)
    // What was refused is not written later.
    expect(await stored(made.sender)).toEqual(acknowledged.sort())
    await works(made)
  })

  it('that passes while an accept waits is not noticed', async () => {
    const made = make({ acceptTimeoutMs: 5_000 })
    await made.sender.health()
    full()
    const sending = made.sender.send(large(1))
    await sleep(200)
    room()
    const { id, duplicate } = await sending
    expect(duplicate).toBe(false)
    expect(await stored(made.sender)).toEqual([id])
  })

  it('in the middle of attempts lets them be settled later, without another request', async () => {
    const made = make()
    const endpoint = await made.sender.endpoints.create(ENDPOINT)
    await made.sender.start()
    // It has answered before: an endpoint begins with one slot.
    for (let index = 0; index < 5; index++) {
      const { id } = await made.sender.send(event)
      await made.sender.events.wait(id, { timeoutMs: 5_000 })
    }
    await made.sender.endpoints.pause(endpoint.id)
    for (let index = 0; index < 5; index++) await made.sender.send(event)
    let answered = 0
    made.transport.reply(() => {
      if (++answered === 1) full()
      return { status: 500, body: 'x'.repeat(16_000) }
    })
    await made.sender.endpoints.resume(endpoint.id)
    await expect.poll(() => made.transport.requests.length).toBe(10)
    await sleep(600)
    room()
    const pending = async () => (await made.sender.deliveries.list({ state: 'pending' })).items
    const ended = async () => (await pending()).map(({ attemptCount }) => attemptCount)
    await expect.poll(ended, { timeout: 5_000 }).toEqual([1, 1, 1, 1, 1])
    expect(made.transport.requests).toHaveLength(10)
  })
})
