/** What a newcomer does first: pastes the README's two pieces of code into one file, as it tells them to, and runs it. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { read, snippets } from '../support/docs/markdown.ts'
import { commonJs, onFreePort } from './snippets.ts'

const PIECES = ['examples/quick-start.ts#receive', 'examples/quick-start.ts#send']
const WANTED = "received invoice.paid { invoice: 'inv_1', amount: 990 }"
const WITHIN_MS = 30_000

/** Runs it in `folder`, where hookferry is installed, as the module that it is, and in CommonJS. */
export async function runPasted(folder: string): Promise<void> {
  const blocks = snippets(read('README.md'))
  const pieces = PIECES.map((piece) => blocks.find(({ source }) => source === piece)?.code)
  assert.ok(!pieces.includes(undefined), `README.md has no ${PIECES.join(' and ')}`)
  const program = await onFreePort(pieces.join('\n'))
  await runUntilWanted(folder, 'try.mjs', program)
  await runUntilWanted(folder, 'try.cjs', `${commonJs(program)}\nexports.main()\n`)
}

/** Until the event has arrived. The program itself would run on. */
async function runUntilWanted(folder: string, file: string, program: string): Promise<void> {
  writeFileSync(join(folder, file), program)
  const child = spawn(process.execPath, [file], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const deadline = setTimeout(() => child.kill('SIGKILL'), WITHIN_MS)
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    if (said.includes(WANTED)) child.kill('SIGKILL')
  })
  await ended
  clearTimeout(deadline)
  assert.ok(said.includes(WANTED), `what the README's code said:\n${said}`)
  console.log(`> the README, pasted into ${file}: the event arrived`)
}
