import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const SOURCES = {
  'postgres-sender': new URL('../crash/programs/postgres-sender.ts', import.meta.url),
  receiver: new URL('../crash/programs/receiver.ts', import.meta.url),
}

/** As plain JavaScript, inside the tree, so that they find pg as a user's program does. */
export function buildPostgresPrograms(): { file: (name: keyof typeof SOURCES) => string; remove: () => void } {
  const cache = join(ROOT, '.cache')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'crash-pg-'))
  const tsup = join(ROOT, 'node_modules/tsup/dist/cli-default.js')
  const sources = Object.values(SOURCES).map((url) => fileURLToPath(url))
  const how = ['--no-config', '--format', 'esm', '--target', 'node20.19', '--out-dir', folder, '--silent']
  execFileSync(process.execPath, [tsup, ...sources, ...how], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] })
  return {
    file: (name) => join(folder, `${name}.js`),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
