import { describe, expect, it } from 'vitest'
import { WebhookError } from '../../../src/errors.ts'
import type { Storage } from '../../../src/ports/storage.ts'
import { memory } from '../../../src/storage/memory/index.ts'
import { type StorageCase, type StorageHome, storageSuite } from '../../../src/testing/storage-suite.ts'
import { BACKFILL_FAULTS } from './backfill-faults.ts'
import { CANCEL_FAULTS } from './cancel-faults.ts'
import { PLAIN_FAULTS } from './faults.ts'
import { EVERYTHING, hostedMemory, write } from './hosted-memory.ts'
import { ORDERING_FAULTS } from './ordering-faults.ts'
import { QUERY_FAULTS } from './query-faults.ts'
import { TRANSACTION_FAULTS } from './transaction-faults.ts'

/** For each case of what they concern there is one. */
const COMPLETE_FAULTS = [
  ...ORDERING_FAULTS,
  ...TRANSACTION_FAULTS,
  ...CANCEL_FAULTS,
  ...BACKFILL_FAULTS,
  ...QUERY_FAULTS,
]

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
  for (const { fault, caughtBy, of } of [...PLAIN_FAULTS, ...COMPLETE_FAULTS]) {
    it(`${fault} → ${caughtBy}`, async () => {
      const suite = storageSuite({ create: () => hostedMemory({ of }), supports: EVERYTHING })
      // A broken promise, not a crash of the case.
      await expect(caseNamed(suite, caughtBy).run()).rejects.toMatchObject({ name: 'AssertionError' })
    })
  }

  it('a rollback that leaves rows', async () => {
    const create = () => hostedMemory({ rollback: write })
    const suite = storageSuite({ create, supports: EVERYTHING })
    const { run } = caseNamed(suite, 'transactions: a rollback leaves no trace')
    await expect(run()).rejects.toMatchObject({ name: 'AssertionError' })
  })

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
  const everything = storageSuite({ create: () => hostedMemory(), supports: EVERYTHING })
  for (const { name, run } of everything) it(name, run)
})

describe('the suite itself', () => {
  it('has a name of its own for each case', () => {
    const names = suiteOver(() => memory(), EVERYTHING).map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })

  it('has a fault for each case on turns, transactions, hints, canceled events, their progress and backfills', () => {
    const caught = new Set(COMPLETE_FAULTS.map(({ caughtBy }) => caughtBy))
    caught.add('transactions: a rollback leaves no trace')
    const names = suiteOver(() => memory(), EVERYTHING).map(({ name }) => name)
    const concern =
      /^(ordering|fan-out order|transactions|work hints|time|cancel event|event progress|missed events|backfill):/
    const concerned = names.filter((name) => concern.test(name))
    expect(concerned.filter((name) => !caught.has(name))).toEqual([])
  })

  it('leaves out cases by what is supported, and no others', () => {
    const prefixes = ['durability:', 'two instances:', 'time:', 'transactions:', 'work hints:']
    const names = (supports: typeof NOTHING) => suiteOver(() => memory(), supports).map(({ name }) => name)
    const all = names(EVERYTHING)
    const isSpecial = (name: string) => prefixes.some((prefix) => name.startsWith(prefix))
    for (const prefix of prefixes) expect(all.some((name) => name.startsWith(prefix))).toBe(true)
    expect(names(NOTHING)).toEqual(all.filter((name) => !isSpecial(name)))
  })

  it('leaves out a case that needs several things where one is missing', () => {
    const count = (supports: Partial<typeof NOTHING>) =>
      suiteOver(() => memory(), { ...NOTHING, ...supports }).filter(({ name }) => name.startsWith('work hints:')).length
    expect(count({ workHints: true })).toBe(0)
    expect(count({ workHints: true, multiProcess: true })).toBeGreaterThan(0)
  })

  it('rolls back what a failed case left open, and says where a home lacks begin', async () => {
    const log: string[] = []
    const home: StorageHome = {
      connect: () => ({ ...memory(), supports: EVERYTHING }),
      begin: async () => ({
        tx: null,
        commit: async () => void log.push('commit'),
        rollback: async () => void log.push('rollback'),
      }),
    }
    const caseOf = (one: StorageHome) =>
      caseNamed(
        storageSuite({ create: () => one, supports: EVERYTHING }),
        'transactions: several events in one are accepted together, or not at all',
      )
    await expect(caseOf(home).run()).rejects.toThrow('insertEventIn')
    expect(log).toEqual(['rollback'])
    await expect(caseOf({ connect: home.connect }).run()).rejects.toThrow('`begin`')
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
