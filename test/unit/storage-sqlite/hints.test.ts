/** Hints of work that others have written; our own commits need none. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { sqlite } from '../../../src/storage/sqlite/index.ts'
import { pollVersion } from '../../../src/storage/sqlite/poll-version.ts'
import { addEndpoint, freshPath, NOW, openRaw, openStorage } from './fixtures.ts'

const heard = () => {
  const times: number[] = []
  return { times, listener: () => times.push(performance.now()) }
}

test('what another connection commits is heard of within 100 ms; what we write ourselves is not', async () => {
  const path = freshPath()
  const storage = await openStorage(path)
  const other = await openStorage(path)
  const { times, listener } = heard()
  storage.onWork?.(listener)

  await addEndpoint(storage, 'ep_own')
  await sleep(150)
  expect(times).toHaveLength(0)

  const start = performance.now()
  await addEndpoint(other, 'ep_others')
  await vi.waitFor(() => expect(times).toHaveLength(1), { timeout: 2_000, interval: 5 })
  // 50 ms on a machine at rest.
  expect(times[0]! - start).toBeLessThan(500)
  await sleep(150)
  expect(times).toHaveLength(1)
})

test('a commit of the host is heard of, a rollback is not', async () => {
  const path = freshPath()
  const storage = await openStorage(path)
  const host = openRaw(path)
  host.run('CREATE TABLE orders (id TEXT)')
  const { times, listener } = heard()
  storage.onWork?.(listener)
  host.run('BEGIN IMMEDIATE')
  host.run(`INSERT INTO orders VALUES ('a')`)
  host.run('ROLLBACK')
  await sleep(150)
  expect(times).toHaveLength(0)
  host.write(() => host.run(`INSERT INTO orders VALUES ('b')`))
  await vi.waitFor(() => expect(times).toHaveLength(1), { timeout: 2_000 })
})

test('it ends by its own function, by close, and has nothing to say before open', async () => {
  vi.useFakeTimers()
  try {
    const storage = sqlite({ path: freshPath() })
    storage.onWork?.(() => {})
    await vi.advanceTimersByTimeAsync(200)
    await storage.open({ now: NOW })
    const end = storage.onWork?.(() => {})
    expect(vi.getTimerCount()).toBe(2)
    end?.()
    expect(vi.getTimerCount()).toBe(1)
    await storage.close()
    expect(vi.getTimerCount()).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})

test('a look that fails is passed over', async () => {
  vi.useFakeTimers()
  try {
    const answers: (number | null | Error)[] = [1, new Error('busy'), 1, null, 2, 2]
    const read = () => {
      const answer = answers.shift() ?? null
      if (answer instanceof Error) throw answer
      return answer
    }
    const listener = vi.fn()
    const end = pollVersion(read, listener)
    await vi.advanceTimersByTimeAsync(150)
    expect(listener).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(150)
    expect(listener).toHaveBeenCalledOnce()
    end()
  } finally {
    vi.useRealTimers()
  }
})

test('a storage in memory has none to give', () => {
  const storage = sqlite({ path: ':memory:' })
  expect(storage.supports).toMatchObject({ workHints: false, transactions: false })
  expect(storage.onWork).toBeUndefined()
  expect(sqlite({ path: 'a.db' }).supports).toMatchObject({ workHints: true, transactions: true })
})
