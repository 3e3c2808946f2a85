import { defineConfig, type Options } from 'tsup'

const shared: Options = {
  entry: {
    index: 'src/index.ts',
    sqlite: 'src/storage/sqlite/index.ts',
    memory: 'src/storage/memory/index.ts',
    storage: 'src/ports/storage.ts',
    testing: 'src/testing/index.ts',
    'transports/node-fetch': 'src/transports/node-fetch.ts',
  },
  target: 'node20.19',
  platform: 'node',
  // One copy of shared code (error classes, symbols) whatever subpaths a host imports.
  splitting: true,
  clean: true,
  dts: true,
}

export default defineConfig([
  { ...shared, format: 'esm', outDir: 'dist/esm' },
  {
    ...shared,
    format: 'cjs',
    outDir: 'dist/cjs',
    // ESM only, so inlined with all that they import: Jest cannot require() them.
    noExternal: ['node-fetch', 'p-queue', 'p-retry'],
  },
])
