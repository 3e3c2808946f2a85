import { describe, it } from 'vitest'
import { memory } from '../../src/storage/memory/index.ts'
import { storageSuite } from '../../src/testing/storage-suite.ts'

const suite = storageSuite({
  create: () => ({ connect: () => memory() }),
  supports: memory().supports,
})

describe('memory keeps the storage contract', () => {
  for (const { name, run } of suite) it(name, run)
})
