// Runs the tests beside it, as `npx vitest run` does in a project of its own.

import assert from 'node:assert/strict'
import { startVitest } from 'vitest/node'

const settings = { root: import.meta.dirname, config: false, watch: false } as const
const vitest = await startVitest('test', [], settings, { resolve: { tsconfigPaths: true } })
const files = vitest.state.getFiles()
await vitest.close()

assert.equal(files.length, 1)
assert.deepEqual(
  files.map(({ result }) => result?.state),
  ['pass'],
)
