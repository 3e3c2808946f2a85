/**
 * The package as its users get it: packed, installed into consumers of each kind, and run there.
 * Needs a built dist.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { assertContents } from './contents.ts'
import { runPasted } from './pasted.ts'
import { writePrograms } from './snippets.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const work = mkdtempSync(join(tmpdir(), 'hookferry-packaging-'))

try {
  assertContents(ROOT)
  const tarball = pack()
  // One install serves all consumers that have the driver: it compiles where no binary can be fetched.
  const full = consumer('full', ['esm', 'cjs', 'jest', 'types', 'snippets'])
  const { names, packages } = await writePrograms(join(full, 'snippets'))
  run(full, 'npm', 'install', tarball, 'jest@30', 'typescript@5.9', '@types/node@20', 'undici@7', ...packages)
  run(join(full, 'esm'), 'node', 'main.js')
  run(join(full, 'cjs'), 'node', 'main.js')
  run(join(full, 'jest'), '../node_modules/.bin/jest')
  cpSync(join(ROOT, 'examples/testing-with-jest'), join(full, 'testing-with-jest'), { recursive: true })
  run(join(full, 'testing-with-jest'), '../node_modules/.bin/jest')
  run(join(full, 'types'), '../node_modules/.bin/tsc')
  run(join(full, 'types'), '../node_modules/.bin/tsc', '-p', 'tsconfig.edge.json')
  run(join(full, 'snippets/ts'), '../../node_modules/.bin/tsc')
  for (const name of names) {
    run(join(full, 'snippets/esm'), 'node', `${name}.js`)
    run(join(full, 'snippets/cjs'), 'node', '-e', `require('./${name}.js').main()`)
  }

  await runPasted(full)

  const bare = consumer('bare', ['bare'])
  run(bare, 'npm', 'install', '--omit=peer', tarball)
  run(join(bare, 'bare'), 'node', 'main.js')
} finally {
  rmSync(work, { recursive: true })
}

function pack(): string {
  const [packed] = JSON.parse(output(ROOT, 'npm', 'pack', '--json', '--ignore-scripts', '--pack-destination', work))
  const files: string[] = packed.files.map((file: { path: string }) => file.path)
  const stray = files.filter(
    (path) => !/^(dist\/(?!.*metafile)|package\.json|README\.md|LICENSE|CHANGELOG\.md)/.test(path),
  )
  if (stray.length > 0) throw new Error(`The package holds files it should not: ${stray.join(', ')}`)
  return join(work, packed.filename)
}

/** A project with its own node_modules, in which the folders `parts` of ./consumers lie. */
function consumer(name: string, parts: string[]): string {
  const folder = join(work, name)
  mkdirSync(folder)
  // npm 12 runs install scripts only where the installing project allows them.
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ private: true, allowScripts: { 'better-sqlite3': true } }),
  )
  for (const part of ['scenario.cjs', ...parts]) {
    cpSync(join(import.meta.dirname, 'consumers', part), join(folder, part), { recursive: true })
  }
  return folder
}

function run(cwd: string, command: string, ...args: string[]): void {
  console.log(`> ${command} ${args.join(' ')}`)
  execFileSync(command, args, { cwd, stdio: 'inherit', timeout: 600_000 })
}

function output(cwd: string, command: string, ...args: string[]): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8' })
}
