import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqlite } from '../../src/storage/sqlite/index.ts'
import { REACH, simulateSeeds } from '../support/simulation/seeds.ts'

// The order of things is looked at here, not the disk: where there is a folder in memory, a sync costs nothing.
const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

simulateSeeds({
  name: 'SQLite',
  from: 1,
  to: 50,
  storage: async () => {
    const folder = await mkdtemp(join(parent, 'hookferry-simulation-'))
    const storage = sqlite({ path: join(folder, 'webhooks.db') })
    return {
      storage,
      cleanUp: async () => {
        await storage.close()
        await rm(folder, { recursive: true })
      },
    }
  },
  reach: REACH,
})
