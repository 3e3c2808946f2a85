import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig, type Options } from 'tsup'

/** ESM only, so the CJS build inlines them with all that they import: Jest cannot require() them. */
const INLINED = ['node-fetch', 'p-queue', 'p-retry']

/** CJS has no import.meta; createRequire takes a path as well as a URL. */
const esbuildOptions: Options['esbuildOptions'] = (options) => {
  options.define = { ...options.define, 'import.meta.url': '__filename' }
}

const shared: Options = {
  entry: {
    index: 'src/index.ts',
    events: 'src/events.ts',
    sqlite: 'src/storage/sqlite/index.ts',
    postgres: 'src/storage/postgres/index.ts',
    memory: 'src/storage/memory/index.ts',
    storage: 'src/storage/contract.ts',
    testing: 'src/testing/index.ts',
    verify: 'src/verify/index.ts',
    'transports/node-fetch': 'src/transports/node-fetch.ts',
    'transports/undici': 'src/transports/undici.ts',
  },
  target: 'node20.19',
  platform: 'node',
  removeNodeProtocol: false,
  // One copy of shared code (error classes, symbols) whatever subpaths a host imports.
  splitting: true,
  clean: true,
  dts: true,
  // What is in which file: test/packaging reads it, the package does not hold it.
  metafile: true,
}

/** One file that needs no other, for both formats: it is started by its path. */
export const workerBuild: Options = {
  entry: { 'sqlite-worker': 'src/storage/sqlite/worker.ts' },
  target: 'node20.19',
  platform: 'node',
  removeNodeProtocol: false,
  format: 'cjs',
  outDir: 'dist',
  esbuildOptions,
}

export default defineConfig([
  { ...shared, format: 'esm', outDir: 'dist/esm' },
  {
    ...shared,
    format: 'cjs',
    outDir: 'dist/cjs',
    noExternal: INLINED,
    esbuildOptions,
    onSuccess: async () => writeFileSync('dist/cjs/LICENSES.txt', licensesOfInlined()),
  },
  workerBuild,
])

/** The licences of inlined code, which ask to go wherever it goes. */
function licensesOfInlined(): string {
  const names = new Set(INLINED)
  const texts: string[] = []
  // The set grows by the dependencies of its members while it is walked.
  for (const name of names) {
    const folder = join('node_modules', name)
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    for (const dependency of Object.keys(manifest.dependencies ?? {})) names.add(dependency)
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
    // Some only name their licence.
    const text = file === undefined ? manifest.license : readFileSync(join(folder, file), 'utf8').trim()
    texts.push(`${name} ${manifest.version}\n\n${text}\n`)
  }
  return texts.join(`\n${'-'.repeat(80)}\n\n`)
}
