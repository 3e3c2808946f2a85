import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const SOURCES = ['sender', 'receiver', 'lock-holder'].map((name) => `test/support/crash/programs/${name}.ts`)

export type ProgramName = 'sender' | 'receiver' | 'lock-holder'

/**
 * The programs as plain JavaScript, since they start some hundred times and no loader is as quick, on every Node line. Inside the
 * tree, so that they find better-sqlite3 as a user's program does.
 */
export function buildPrograms(): { file: (name: ProgramName) => string; remove: () => void } {
  const cache = join(ROOT, '.cache')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'crash-'))
  const tsup = join(ROOT, 'node_modules/tsup/dist/cli-default.js')
  const how = ['--no-config', '--format', 'esm', '--target', 'node20.19', '--out-dir', folder, '--silent']
  execFileSync(process.execPath, [tsup, ...SOURCES, ...how], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] })
  return {
    file: (name) => join(folder, `${name}.js`),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
