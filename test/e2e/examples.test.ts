import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checksOf, tasks } from '../support/docs/examples.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)
const checks = tasks().flatMap(checksOf)

describe('examples', () => {
  let scratch: string
  beforeEach(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'hookferry-examples-'))
    // Postgres is run by another user, who makes its folder in here.
    await chmod(scratch, 0o777)
  })
  afterEach(() => rm(scratch, { recursive: true, force: true }))

  it('are there', () => {
    expect(checks.length).toBeGreaterThan(15)
  })

  it.each(checks)('%s does what it says, and leaves nothing behind', async (name) => {
    const arguments_ = ['--import', 'tsx', join('examples', name)]
    const env = { ...process.env, TMPDIR: scratch }
    const before = await readdir(root)
    const { stdout, stderr } = await run(process.execPath, arguments_, { cwd: root, env, timeout: 60_000 })
    expect(stdout).not.toBe('')
    expect(stderr).toBe('')
    // tsx keeps what it compiled.
    expect((await readdir(scratch)).filter((file) => !file.startsWith('tsx-'))).toEqual([])
    expect(await readdir(root)).toEqual(before)
  })
})
