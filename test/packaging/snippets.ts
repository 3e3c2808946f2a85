/**
 * The README's code as programs of the package's users: each example that it quotes, word for word, in ESM, in CommonJS and as the
 * TypeScript that it is.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import ts from 'typescript'
import { read, region, snippets } from '../support/docs/markdown.ts'

export interface Programs {
  /** Those to run, by their paths without `.ts`, such as `examples/quick-start`. */
  names: string[]
  /** What they import beside hookferry and Node, as npm is told to install it. */
  packages: string[]
}

/** Writes the programs, and what they import of their own, into the folders `ts`, `esm` and `cjs` of `folder`. */
export async function writePrograms(folder: string): Promise<Programs> {
  const quoted = quotedExamples()
  const files = new Map<string, string>()
  for (const file of quoted) files.set(file, await onFreePort(read(file)))
  const packages = new Set<string>()
  // The map grows by what its members import while it is walked.
  for (const [file, text] of files) {
    for (const imported of importsOf(text)) {
      const path = join(dirname(file), imported)
      if (!imported.startsWith('.')) packages.add(imported.split('/', imported.startsWith('@') ? 2 : 1).join('/'))
      else if (!files.has(path)) files.set(path, read(path))
    }
  }
  for (const [file, text] of files) {
    const script = file.replace(/\.ts$/, '.js')
    write(join(folder, 'ts', file), text)
    write(join(folder, 'esm', script), compiled(text, ts.ModuleKind.ESNext))
    write(join(folder, 'cjs', script), quoted.includes(file) ? commonJs(text) : compiled(text, ts.ModuleKind.CommonJS))
  }
  const names = quoted.map((file) => file.replace(/\.ts$/, ''))
  return { names, packages: [...packages].filter(isForeign).map(withVersion) }
}

/** The port on which the README's code listens may be taken on this machine: one that is free stands in for it. */
export async function onFreePort(text: string): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  return text.replaceAll('8787', String(port))
}

/** The examples that the README quotes. They are run whole: what it quotes stands in them, to the letter. */
function quotedExamples(): string[] {
  const files = snippets(read('README.md')).map(({ source, code }) => {
    assert.ok(source !== null, `code in README.md that is from no example:\n${code}`)
    assert.equal(code, region(source), `README.md does not quote ${source} as it stands`)
    return source.replace(/#.*/, '')
  })
  assert.ok(files.length > 0, 'README.md quotes no example')
  return [...new Set(files)]
}

function importsOf(text: string): string[] {
  return ts.preProcessFile(text).importedFiles.map(({ fileName }) => fileName)
}

/** A program as CommonJS, which exports it as the function `main`. */
export function commonJs(text: string): string {
  return compiled(asFunction(text), ts.ModuleKind.CommonJS)
}

/** CommonJS has no `await` outside of functions: but for its imports, a program becomes one. */
function asFunction(text: string): string {
  const { statements } = ts.createSourceFile('program.ts', text, ts.ScriptTarget.ES2022)
  const imports = statements.filter(ts.isImportDeclaration)
  const lines = (nodes: readonly ts.Node[]) => nodes.map((node) => text.slice(node.pos, node.end)).join('')
  const rest = statements.filter((statement) => !ts.isImportDeclaration(statement))
  return `${lines(imports)}\nexport async function main(): Promise<void> {${lines(rest)}\n}\n`
}

function compiled(text: string, module: ts.ModuleKind): string {
  const target = ts.ScriptTarget.ES2022
  const compilerOptions = { module, target, rewriteRelativeImportExtensions: true, esModuleInterop: true }
  return ts.transpileModule(text, { compilerOptions }).outputText
}

const isForeign = (name: string): boolean => name !== 'hookferry' && !name.startsWith('node:')

/** In the version that is tested here. */
function withVersion(name: string): string {
  return `${name}@${JSON.parse(read('package.json')).devDependencies[name] ?? assert.fail(`${name} is not ours`)}`
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}
