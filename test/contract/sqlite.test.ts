import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, it } from 'vitest'
import { sqlite } from '../../src/storage/sqlite/index.ts'
import { type HostTransaction, type StorageHome, storageSuite } from '../../src/testing/storage-suite.ts'

/** A host that has a handle of its own on the file. SQLite has one writer at a time, so one transaction at a time. */
function hostOf(path: string) {
  const handles = new Set<Database.Database>()
  return {
    async begin(): Promise<HostTransaction> {
      const tx = new Database(path)
      handles.add(tx)
      tx.exec('BEGIN IMMEDIATE')
      const ending = (end: string) => async () => {
        tx.exec(end)
      }
      return { tx, commit: ending('COMMIT'), rollback: ending('ROLLBACK') }
    },
    close() {
      for (const handle of handles) handle.close()
    },
  }
}

/** Each case has a file of its own, in a folder that goes with it. */
async function fileHome(options: { tablePrefix?: string; thread?: boolean }): Promise<StorageHome> {
  const folder = await mkdtemp(join(tmpdir(), 'hookferry-'))
  const path = join(folder, 'webhooks.db')
  const host = hostOf(path)
  return {
    connect: () => sqlite({ path, ...options }),
    begin: host.begin,
    destroy: async () => {
      host.close()
      await rm(folder, { recursive: true })
    },
  }
}

function suiteOf(options: { tablePrefix?: string; thread?: boolean }) {
  return storageSuite({ create: () => fileHome(options), supports: sqlite({ path: 'webhooks.db' }).supports })
}

describe('sqlite keeps the storage contract', () => {
  for (const { name, run } of suiteOf({})) it(name, run)
})

describe('sqlite with a table prefix keeps the storage contract', () => {
  for (const { name, run } of suiteOf({ tablePrefix: 'app_webhooks_' })) it(name, run)
})

describe('sqlite in a thread of its own keeps the storage contract', () => {
  for (const { name, run } of suiteOf({ thread: true })) it(name, run)
})

describe('sqlite in memory keeps the storage contract', () => {
  const inMemory = () => sqlite({ path: ':memory:' })
  const suite = storageSuite({ create: () => ({ connect: inMemory }), supports: inMemory().supports })
  for (const { name, run } of suite) it(name, run)
})
