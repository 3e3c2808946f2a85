import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** The public face as the compiler sees it: what the package exports, and every type of ours that is reached from there. */

const root = fileURLToPath(new URL('../../..', import.meta.url))
const source = join(root, 'src/')

const json = (name: string) => JSON.parse(readFileSync(join(root, name), 'utf8'))

/** Source files by public name, such as `hookferry/sqlite`: what `exports` of package.json names, by `paths` of tsconfig.json. */
export function entryPoints(): Map<string, string> {
  const { paths } = json('tsconfig.json').compilerOptions
  const subpaths = Object.keys(json('package.json').exports).filter((subpath) => !subpath.endsWith('.json'))
  return new Map(
    subpaths.map((subpath) => {
      const name = subpath.replace(/^\./, 'hookferry')
      return [name, join(root, paths[name][0])]
    }),
  )
}

/** What has no docstring, each as `file: Symbol.member`. */
export function undocumented(): string[] {
  const { compilerOptions } = json('tsconfig.json')
  const { options } = ts.convertCompilerOptionsFromJson({ ...compilerOptions, noLib: true, types: [] }, root)
  const files = [...entryPoints().values()]
  // Nothing is type-checked: what is not ours need not be found.
  const host = ts.createCompilerHost(options)
  const program = ts.createProgram(files, options, { ...host, fileExists: (name) => name.startsWith(source) })
  const walk = new Walk(program.getTypeChecker())
  for (const file of files) walk.exportsOf(program.getSourceFile(file) as ts.SourceFile)
  return [...walk.missing].sort()
}

type Declared = ts.Declaration & { name?: ts.Node; parent: ts.Node }

class Walk {
  readonly missing = new Set<string>()
  readonly #checker: ts.TypeChecker
  readonly #seen = new Set<ts.Symbol>()

  constructor(checker: ts.TypeChecker) {
    this.#checker = checker
  }

  exportsOf(file: ts.SourceFile): void {
    const module = this.#checker.getSymbolAtLocation(file)
    for (const symbol of module === undefined ? [] : this.#checker.getExportsOfModule(module)) this.#visit(symbol)
  }

  #visit(found: ts.Symbol): void {
    const symbol = found.flags & ts.SymbolFlags.Alias ? this.#checker.getAliasedSymbol(found) : found
    if (this.#seen.has(symbol)) return
    this.#seen.add(symbol)
    // Of overloads and merged declarations one docstring is enough.
    const own = (symbol.declarations ?? []).filter(isOurs)
    const [first] = own
    if (first === undefined || ts.isTypeParameterDeclaration(first)) return
    this.#require(symbol, first, symbol.name, null)
    for (const declaration of own) this.#inside(declaration, symbol.name, docOf(this.#checker, symbol))
  }

  /** Members and types below a declaration. `around`: the docstrings that may tell of members without one of their own. */
  #inside(node: ts.Node, path: string, around: string): void {
    ts.forEachChild(node, (child) => {
      if (ts.isBlock(child) || (ts.isVariableDeclaration(node) && child === node.initializer)) return
      if (ts.isTypeReferenceNode(child)) this.#follow(child.typeName)
      if (ts.isExpressionWithTypeArguments(child)) this.#follow(child.expression)
      if (isMember(child)) this.#member(child, path, around)
      else this.#inside(child, path, around + commentOf(child))
    })
  }

  #member(member: Declared, path: string, around: string): void {
    const name = ts.isConstructorDeclaration(member) ? 'constructor' : (member.name?.getText() ?? '()')
    if (name.startsWith('#') || isNever(member)) return
    const symbol = this.#symbolOf(member)
    if (symbol === undefined) return
    // Within a parameter or an answer, a docstring around it may name it.
    const inline = ts.isTypeLiteralNode(member.parent) && !ts.isTypeAliasDeclaration(member.parent.parent)
    this.#require(symbol, member, `${path}.${name}`, inline ? { name, around } : null)
    this.#inside(member, `${path}.${name}`, `${around} ${docOf(this.#checker, symbol)}`)
  }

  #symbolOf(member: Declared): ts.Symbol | undefined {
    return (member as { symbol?: ts.Symbol }).symbol ?? (member.name && this.#checker.getSymbolAtLocation(member.name))
  }

  #follow(name: ts.Node): void {
    const symbol = this.#checker.getSymbolAtLocation(name)
    if (symbol !== undefined) this.#visit(symbol)
  }

  #require(symbol: ts.Symbol, at: ts.Node, path: string, told: { name: string; around: string } | null): void {
    if (docOf(this.#checker, symbol) !== '') return
    if (told !== null && names(told.around).has(told.name)) return
    this.missing.add(`${relative(root, at.getSourceFile().fileName)}: ${path}`)
  }
}

const docOf = (checker: ts.TypeChecker, symbol: ts.Symbol): string =>
  ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim()

/** What stands above a call signature, which has no name of its own. */
function commentOf(node: ts.Node): string {
  if (!ts.isCallSignatureDeclaration(node)) return ''
  return ts
    .getJSDocCommentsAndTags(node)
    .map((doc) => doc.getText())
    .join(' ')
}

/** The names in the code spans of a docstring. */
const names = (doc: string): Set<string> =>
  new Set([...doc.matchAll(/`([^`]*)`/g)].flatMap(([, code = '']) => code.match(/\w+/g) ?? []))

const isOurs = (node: ts.Node): boolean => node.getSourceFile().fileName.startsWith(source)

/** What stands in an interface, a class or an object type under a name. */
function isMember(node: ts.Node): node is Declared {
  return (
    ts.isPropertySignature(node) ||
    ts.isMethodSignature(node) ||
    ts.isPropertyDeclaration(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isGetAccessorDeclaration(node) ||
    ts.isConstructorDeclaration(node)
  )
}

/** `name?: never` forbids a property: there is nothing to tell of it. */
const isNever = (node: ts.Node): boolean =>
  ts.isPropertySignature(node) && node.type?.kind === ts.SyntaxKind.NeverKeyword
