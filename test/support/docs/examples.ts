import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Finds the examples, so that none can be forgotten by the tests that run them and the table that lists them. */

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** What examples share, the demo, which is a step of its own in CI, and the table of them all. */
const NO_EXAMPLES = ['support', 'demo.ts', 'README.md']

/** Run by test/packaging, which installs what they need. */
export const RUN_BY_PACKAGING = ['testing-with-jest']

/** Everything in `examples` that shows a task: files, and folders where it takes several. */
export function tasks(): string[] {
  const names = entries('examples')
  // A folder beside a file of its name holds what that file needs.
  return names.filter((name) => !NO_EXAMPLES.includes(name) && !names.includes(`${name}.ts`))
}

/** The files that are run to check a task; each ends by itself, and fails when the example does not do what it says. */
export function checksOf(task: string): string[] {
  if (task.endsWith('.ts')) return [task]
  const files = entries('examples', task)
  const check = ['check.ts', 'run-demo.ts'].find((name) => files.includes(name))
  // A folder without one is a folder of variants.
  const checks = check === undefined ? files.filter((name) => name.endsWith('.ts')) : [check]
  return checks.map((name) => join(task, name))
}

function entries(...path: string[]): string[] {
  return readdirSync(join(root, ...path))
}
