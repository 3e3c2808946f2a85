import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const SOURCES = {
  'postgres-node': new URL('../crash/programs/postgres-node.ts', import.meta.url),
  'postgres-customers': new URL('../crash/programs/postgres-customers.ts', import.meta.url),
}

/** `next-node` is the node, made of the next version of the library. */
type ProgramName = keyof typeof SOURCES | 'next-node'

export interface NodePrograms {
  file(name: ProgramName): string
  remove(): void
}

/** As plain JavaScript, inside the tree, so that they find pg as a user's program does. */
export function buildNodePrograms({ next }: { next: boolean }): NodePrograms {
  const cache = join(ROOT, '.cache')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'crash-pg-nodes-'))
  const sources = Object.values(SOURCES).map((url) => fileURLToPath(url))
  build(sources, folder)
  if (next) build([fileURLToPath(SOURCES['postgres-node'])], join(folder, 'next'), nextVersion(join(folder, 'library')))
  return {
    file: (name) => join(folder, name === 'next-node' ? 'next/postgres-node.js' : `${name}.js`),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

function build(sources: string[], folder: string, tsconfig: string = join(ROOT, 'tsconfig.json')): void {
  const tsup = join(ROOT, 'node_modules/tsup/dist/cli-default.js')
  const how = ['--no-config', '--tsconfig', tsconfig, '--format', 'esm', '--target', 'node20.19', '--silent']
  const to = ['--out-dir', folder]
  execFileSync(process.execPath, [tsup, ...sources, ...how, ...to], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
}

export const NEXT_VERSION = '0.2.0'

/** One migration more, of the kind that minor versions may have: it adds, and those who know nothing of it go on. */
const NEXT_MIGRATIONS = `
import { MIGRATIONS as RELEASED } from './released.ts'

const notes = {
  version: RELEASED.length + 1,
  sql: \`
    ALTER TABLE {delivery} ADD COLUMN note text;
    CREATE INDEX {=delivery_note} ON {delivery} (note, key) WHERE note IS NOT NULL;
  \`,
}
export const MIGRATIONS = [...RELEASED, notes]
`

/** The library as it is, but for its version and its migrations. Returns the configuration that takes it for `hookferry`. */
function nextVersion(folder: string): string {
  cpSync(join(ROOT, 'src'), join(folder, 'src'), { recursive: true })
  const migrations = join(folder, 'src/storage/postgres/migrations')
  renameSync(join(migrations, 'index.ts'), join(migrations, 'released.ts'))
  writeFileSync(join(migrations, 'index.ts'), NEXT_MIGRATIONS)
  writeFileSync(join(folder, 'src/version.ts'), `export const VERSION = '${NEXT_VERSION}'\n`)
  const tsconfig = join(folder, 'tsconfig.json')
  const paths = {
    hookferry: ['./src/index.ts'],
    'hookferry/postgres': ['./src/storage/postgres/index.ts'],
    'hookferry/storage': ['./src/storage/contract.ts'],
    'hookferry/transports/node-fetch': ['./src/transports/node-fetch.ts'],
  }
  writeFileSync(tsconfig, JSON.stringify({ compilerOptions: { target: 'ES2022', module: 'NodeNext', paths } }))
  return tsconfig
}
