import { defineConfig } from 'vitest/config'

const inFolders = (...folders: string[]) => folders.map((folder) => `test/${folder}/**/*.test.ts`)

// Time-outs are for what hangs, on a slow machine with busy neighbours, too: no test judges speed by them.
const shared = {
  setupFiles: ['test/support/leaks.ts'],
  testTimeout: 60_000,
  hookTimeout: 60_000,
  // Shorter than the 4 s after which idle connections close by themselves: one that was to be closed at once is found.
  expect: { poll: { timeout: 3_000 } },
}

export default defineConfig({
  // `hookferry` and its subpaths are the sources, by the paths of tsconfig.json.
  resolve: { tsconfigPaths: true },
  test: {
    globalSetup: 'test/support/worker-build.ts',
    projects: [
      {
        extends: true,
        test: {
          ...shared,
          name: 'fast',
          include: inFolders('unit', 'contract', 'simulation', 'types'),
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          ...shared,
          name: 'real',
          // These wait in real time and start processes of their own: one file at a time, after all others.
          include: inFolders('e2e', 'crash'),
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
