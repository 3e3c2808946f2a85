/** Before all tests: builds the file that the thread of the sqlite storage runs, from the sources as they are. */
import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'tsup'
import { workerBuild } from '../../tsup.config.ts'

const ROOT = join(import.meta.dirname, '../..')

export async function setup(): Promise<void> {
  const outDir = join(ROOT, '.cache', `worker-${process.pid}`)
  await build({ ...workerBuild, config: false, silent: true, outDir })
  mkdirSync(join(ROOT, 'dist'), { recursive: true })
  // At once: another run may be reading it.
  renameSync(join(outDir, 'sqlite-worker.cjs'), join(ROOT, 'dist/sqlite-worker.cjs'))
  rmSync(outDir, { recursive: true })
}
