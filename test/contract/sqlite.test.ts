import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { sqlite } from '../../src/storage/sqlite/index.ts'
import { storageSuite } from '../../src/testing/storage-suite.ts'

/** Each case has a file of its own, in a folder that goes with it. */
function suiteOf(options: { tablePrefix?: string }) {
  return storageSuite({
    create: async () => {
      const folder = await mkdtemp(join(tmpdir(), 'hookferry-'))
      return {
        connect: () => sqlite({ path: join(folder, 'webhooks.db'), ...options }),
        destroy: () => rm(folder, { recursive: true }),
      }
    },
    supports: sqlite({ path: 'webhooks.db' }).supports,
  })
}

describe('sqlite keeps the storage contract', () => {
  for (const { name, run } of suiteOf({})) it(name, run)
})

describe('sqlite with a table prefix keeps the storage contract', () => {
  for (const { name, run } of suiteOf({ tablePrefix: 'app_webhooks_' })) it(name, run)
})
