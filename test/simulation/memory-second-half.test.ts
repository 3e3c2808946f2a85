import { memory } from '../../src/storage/memory/index.ts'
import { REACH, simulateSeeds } from '../support/simulation/seeds.ts'

// In two files, so that two workers share the seeds.
simulateSeeds({
  name: 'memory storage',
  from: 501,
  to: 1000,
  storage: async () => ({ storage: memory(), cleanUp: async () => {} }),
  reach: [
    ...REACH,
    'background',
    'delivery pending',
    'delivery failed lost_repeatedly',
    'delivery canceled hold_expired',
  ],
})
