import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const program = fileURLToPath(new URL('./forgotten-await.child.ts', import.meta.url))

it('a call that nobody awaits tells its rejection to the process, whichever it is', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', program], { timeout: 30_000 })
  expect(JSON.parse(stdout)).toEqual({ send: 'argument_unknown', ask: 'event_not_found', reseal: 'stopped' })
})
