import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder for one run of an example, and how to be rid of it. */
export async function scratch(): Promise<{ path: (file: string) => string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'hookferry-example-'))
  return { path: (file) => join(folder, file), remove: () => rm(folder, { recursive: true, force: true }) }
}
