import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const SOURCES = {
  sender: new URL('./programs/sender.ts', import.meta.url),
  receiver: new URL('./programs/receiver.ts', import.meta.url),
  'lock-holder': new URL('./programs/lock-holder.ts', import.meta.url),
}

type ProgramName = keyof typeof SOURCES

/**
 * The programs as plain JavaScript, since they start some hundred times and no loader is as quick, on every Node line. Inside the
 * tree, so that they find better-sqlite3 as a user's program does.
 */
export function buildPrograms(): { file: (name: ProgramName) => string; remove: () => void } {
  const cache = join(ROOT, '.cache')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'crash-'))
  const tsup = join(ROOT, 'node_modules/tsup/dist/cli-default.js')
  const sources = Object.values(SOURCES).map((url) => fileURLToPath(url))
  const how = ['--no-config', '--format', 'esm', '--target', 'node20.19', '--out-dir', folder, '--silent']
  execFileSync(process.execPath, [tsup, ...sources, ...how], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] })
  return {
    file: (name) => join(folder, `${name}.js`),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
