import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { journalStorage } from '../../examples/custom-storage/index.ts'
import { storageSuite } from '../../src/testing/storage-suite.ts'

const suite = storageSuite({
  create: async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hookferry-'))
    return {
      connect: () => journalStorage({ path: join(folder, 'webhooks.journal') }),
      destroy: () => rm(folder, { recursive: true }),
    }
  },
  supports: journalStorage({ path: 'webhooks.journal' }).supports,
})

describe('the worked example of a storage keeps the storage contract', () => {
  for (const { name, run } of suite) it(name, run)
})
