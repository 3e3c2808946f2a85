/** What each subpath brings along, by the build's own account: the files that it loads, and whatever was bundled into these. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

interface Output {
  inputs: Record<string, unknown>
  imports: { path: string; kind: string; external?: boolean }[]
}

const OUR_OWN = 'src/'

/** Whatever else a receiver, or whoever shares a catalogue, would load with it is a fault of the build or of an import. */
const ALLOWED: Record<string, { sources: RegExp; packages: string[] }> = {
  verify: { sources: /^src\/(verify\/|errors\.ts|arguments\.ts)/, packages: ['tweetnacl'] },
  events: { sources: /^src\/(events|catalog|errors|arguments|model\/event)\.ts/, packages: [] },
}

const FORMATS = [
  { format: 'esm', extension: 'js' },
  { format: 'cjs', extension: 'cjs' },
]

/** Throws where a subpath holds what its users do not need. Needs a built dist. */
export function assertContents(root: string): void {
  for (const { format, extension } of FORMATS) {
    const file = join(root, 'dist', format, `metafile-${format}.json`)
    const outputs: Record<string, Output> = JSON.parse(readFileSync(file, 'utf8')).outputs
    for (const [entry, { sources, packages }] of Object.entries(ALLOWED)) {
      const brought = broughtBy(`dist/${format}/${entry}.${extension}`, outputs)
      const stray = brought.sources.filter((path) => !sources.test(path))
      assert.deepEqual(stray, [], `hookferry/${entry} (${format}) holds what is not its own`)
      assert.ok(
        brought.sources.some((path) => path.startsWith(OUR_OWN)),
        `hookferry/${entry} (${format}) is empty`,
      )
      assert.deepEqual(brought.packages, packages, `packages that hookferry/${entry} (${format}) imports`)
    }
    // Storages are loaded when they are asked for.
    const main = broughtBy(`dist/${format}/index.${extension}`, outputs)
    const storages = main.sources.filter((path) => /^src\/storage\/\w+\//.test(path))
    assert.deepEqual(storages, [], `hookferry (${format}) holds a storage`)
    assert.ok(
      !main.packages.some((name) => /better-sqlite3|^pg$|^undici$/.test(name)),
      `hookferry (${format}) imports a driver`,
    )
  }
}

/** All that is loaded with an output, but for what is imported when it is needed. */
function broughtBy(entry: string, outputs: Record<string, Output>): { sources: string[]; packages: string[] } {
  const loaded = new Set([entry])
  const sources = new Set<string>()
  const packages = new Set<string>()
  // The set grows by what its members import while it is walked.
  for (const path of loaded) {
    const output = outputs[path]
    if (output === undefined) throw new Error(`${path} is not among the outputs of the build: npm run build`)
    for (const source of Object.keys(output.inputs)) sources.add(source)
    for (const { path: imported, kind, external } of output.imports) {
      if (kind === 'dynamic-import') continue
      if (external === true) packages.add(imported)
      else loaded.add(imported)
    }
  }
  return { sources: [...sources].sort(), packages: [...packages].sort() }
}
