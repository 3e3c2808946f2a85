import { describe, expect, it } from 'vitest'
import { WebhookError } from '../../../src/errors.ts'
import type { Storage } from '../../../src/ports/storage.ts'
import { memory } from '../../../src/storage/memory/index.ts'
import { type StorageCase, type StorageHome, storageSuite } from '../../../src/testing/storage-suite.ts'
import { FAULTS } from './faults.ts'

const NOTHING = { durable: false, multiProcess: false, transactions: false, workHints: false }

function suiteOver(connect: () => Storage, supports = NOTHING): StorageCase[] {
  return storageSuite({ create: () => ({ connect }), supports })
}

function caseNamed(suite: StorageCase[], name: string): StorageCase {
  const found = suite.find((one) => one.name === name)
  if (found === undefined) throw new Error(`there is no case "${name}"`)
  return found
}

describe('the suite notices what breaks a promise', () => {
  for (const { fault, caughtBy, of } of FAULTS) {
    it(`${fault} → ${caughtBy}`, async () => {
      const suite = suiteOver(() => {
        const healthy = memory()
        return { ...healthy, ...of(healthy) }
      })
      // A broken promise, not a crash of the case.
      await expect(caseNamed(suite, caughtBy).run()).rejects.toMatchObject({ name: 'AssertionError' })
    })
  }

  it('data that is gone after closing, where durability is claimed', async () => {
    const suite = suiteOver(() => memory(), { ...NOTHING, durable: true })
    const caught = suite.filter(({ name }) => name.startsWith('durability:'))
    expect(caught.length).toBeGreaterThan(0)
    for (const { run } of caught) await expect(run()).rejects.toMatchObject({ name: 'AssertionError' })
  })

  it('instances that know nothing of each other, where sharing is claimed', async () => {
    const suite = suiteOver(() => memory(), { ...NOTHING, multiProcess: true })
    const caught = suite.filter(({ name }) => name.startsWith('two instances:'))
    expect(caught.length).toBeGreaterThan(0)
    for (const { run } of caught) await expect(run()).rejects.toThrow()
  })
})

describe('the suite is content with a storage that keeps its word', () => {
  const everything = storageSuite({
    create: () => {
      // One storage for all instances of a case: as good as one database.
      const shared = memory()
      return { connect: () => shared }
    },
    supports: { ...NOTHING, durable: true, multiProcess: true },
  })
  for (const { name, run } of everything) it(name, run)
})

describe('the suite itself', () => {
  it('has a name of its own for each case', () => {
    const names = suiteOver(() => memory(), { ...NOTHING, durable: true, multiProcess: true }).map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })

  it('leaves out cases by what is supported, and no others', () => {
    const count = (supports: typeof NOTHING, prefix: string) =>
      suiteOver(() => memory(), supports).filter(({ name }) => name.startsWith(prefix)).length
    const all = { ...NOTHING, durable: true, multiProcess: true }
    expect(count(NOTHING, 'durability:')).toBe(0)
    expect(count(NOTHING, 'two instances:')).toBe(0)
    const left = count(all, '') - count(all, 'durability:') - count(all, 'two instances:')
    expect(count(NOTHING, '')).toBe(left)
  })

  it('closes each storage and destroys each home, also when the case fails', async () => {
    const log: string[] = []
    const home: StorageHome = {
      connect: () => ({
        ...memory(),
        insertEvents: () => Promise.reject(new Error('broken')),
        close: async () => void log.push('close'),
      }),
      destroy: () => void log.push('destroy'),
    }
    const suite = storageSuite({ create: () => home, supports: NOTHING })
    const { run } = caseNamed(suite, 'accept: a batch is answered in the order of its events')
    await expect(run()).rejects.toThrow('broken')
    expect(log).toEqual(['close', 'destroy'])
  })

  it('tells which promise was broken, and how', async () => {
    const suite = suiteOver(() => ({ ...memory(), nextDueAt: async () => 5 }))
    const { run } = caseNamed(suite, 'stats: an empty storage has nothing due')
    await expect(run()).rejects.toThrow(/^and nothing will fall due\n[\s\S]*5 !== null/)
  })

  it('calls again when a storage asks for it', async () => {
    let busy = true
    const suite = suiteOver(() => {
      const healthy = memory()
      return {
        ...healthy,
        claimDue: async (input) => {
          busy = !busy
          if (!busy) throw new WebhookError('storage_busy', 'The database is busy: call again.', { retryable: true })
          return healthy.claimDue(input)
        },
      }
    })
    await caseNamed(suite, 'claim: never what is leased already').run()
  })
})
