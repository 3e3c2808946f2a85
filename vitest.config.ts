import { defineConfig } from 'vitest/config'

const inFolders = (...folders: string[]) => folders.map((folder) => `test/${folder}/**/*.test.ts`)

const shared = {
  setupFiles: ['test/support/leaks.ts'],
  testTimeout: 20_000,
  hookTimeout: 20_000,
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
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
