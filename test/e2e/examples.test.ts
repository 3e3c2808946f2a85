import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)

/** Each example checks itself at its end; the demo is a step of its own in CI. */
const examples = [
  ...readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.ts') && name !== 'demo.ts'),
  ...readdirSync(join(root, 'examples', 'transactional-send'))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join('transactional-send', name)),
  // The demo on a storage of one's own.
  'custom-storage/run-demo.ts',
]

describe('examples', () => {
  it('are there', () => {
    expect(examples.length).toBeGreaterThan(5)
  })

  it.each(examples)('%s does what it says', async (name) => {
    const arguments_ = ['--import', 'tsx', join('examples', name)]
    const { stdout, stderr } = await run(process.execPath, arguments_, { cwd: root, timeout: 30_000 })
    expect(stdout).not.toBe('')
    expect(stderr).toBe('')
  })
})
