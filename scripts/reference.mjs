// Writes docs/reference from the docstrings of everything that the package exports, one page a subpath.
// `--check` writes it elsewhere, and fails with the differences when what is committed is not the same.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Application, Converter, ReflectionKind, TSConfigReader } from 'typedoc'

const COMMITTED = 'docs/reference'

const SETTINGS = {
  tsconfig: 'tsconfig.json',
  plugin: ['typedoc-plugin-markdown'],
  router: 'module',
  readme: 'none',
  excludeExternals: true,
  excludeInternal: true,
  // Neither dates nor paths nor revisions: the same sources are the same pages, everywhere.
  disableSources: true,
  hideGenerator: true,
  hideBreadcrumbs: true,
  hidePageHeader: true,
  useCodeBlocks: true,
  expandObjects: true,
  // Members stand as their author put them.
  sort: ['source-order'],
  groupOrder: [
    'Functions',
    'Classes',
    'Interfaces',
    'Type Aliases',
    'Variables',
    'Constructors',
    'Properties',
    'Methods',
  ],
  parametersFormat: 'table',
  interfacePropertiesFormat: 'table',
  classPropertiesFormat: 'table',
  typeAliasPropertiesFormat: 'table',
  propertyMembersFormat: 'table',
  typeDeclarationFormat: 'table',
  tableColumnSettings: { hideDefaults: true, hideInherited: true, hideModifiers: true, hideOverrides: true },
  // Members are looked at by test/unit/docs/docstrings.test.ts, which knows more of them.
  requiredToBeDocumented: ['Class', 'Interface', 'TypeAlias', 'Variable', 'Enum'],
  // Type machinery: what it comes to is said where it is used.
  intentionallyNotExported: ['AsJson', 'Content', 'DefinitionBy', 'InputOf', 'OutputOf', 'RootFace', 'TenantFace'],
  validation: { notExported: true, notDocumented: true, invalidLink: true, rewrittenLink: true },
  logLevel: 'Warn',
}

/** Source file by public name. `exports` says what is public, `paths` where it is written: neither can be forgotten. */
function entryPoints() {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8'))
  const { paths } = JSON.parse(readFileSync('tsconfig.json', 'utf8')).compilerOptions
  const subpaths = Object.keys(exports).filter((subpath) => !subpath.endsWith('.json'))
  return subpaths.map((subpath) => {
    const name = subpath.replace(/^\./, 'hookferry')
    const [source] = paths[name] ?? []
    if (source === undefined) throw new Error(`package.json exports ${name}, for which tsconfig.json has no path`)
    return { name, source: resolve(source) }
  })
}

/** Alphabetical, without what another page says already, or what `Extends` says. */
function tidy({ project }) {
  for (const reflection of Object.values(project.reflections)) {
    const origin = reflection.inheritedFrom?.reflection
    if (origin?.kind === ReflectionKind.Method && pageOf(origin) !== pageOf(reflection)) drop(project, reflection)
    delete reflection.inheritedFrom
    delete reflection.overwrites
  }
  for (const page of project.children ?? []) {
    for (const group of page.groups ?? []) group.children.sort((a, b) => (a.name < b.name ? -1 : 1))
  }
}

function pageOf(reflection) {
  return reflection.kind === ReflectionKind.Module ? reflection : pageOf(reflection.parent)
}

function drop(project, reflection) {
  const { parent } = reflection
  project.removeReflection(reflection)
  for (const group of parent.groups ?? []) group.children = group.children.filter((child) => child !== reflection)
  parent.groups = parent.groups?.filter(({ children }) => children.length > 0)
}

/** Converts and checks everything, and writes the pages. False: the docstrings are not as they must be. */
async function write(folder) {
  const entries = entryPoints()
  const app = await Application.bootstrapWithPlugins(
    {
      ...SETTINGS,
      entryPoints: entries.map(({ source }) => source),
      outputs: [{ name: 'markdown', path: folder }],
      pageTitleTemplates: { module: ({ name }) => longOf(name) },
    },
    [new TSConfigReader()],
  )
  app.converter.on(Converter.EVENT_RESOLVE_END, tidy, -1_000)
  const points = app.getEntryPoints()
  for (const point of points) {
    const { name } = entries.find(({ source }) => source === resolve(point.sourceFile.fileName))
    point.displayName = shortOf(name)
  }
  const project = app.converter.convert(points)
  app.validate(project)
  if (app.logger.hasErrors() || app.logger.hasWarnings()) return false
  await app.generateOutputs(project)
  writeFileSync(join(folder, 'README.md'), contents(project, entries))
  return true
}

/** In the order of `exports`, each with the first sentence of its `@module` comment. */
function contents(project, entries) {
  const pages = entries.map(({ name, source }) => {
    const { comment } = project.children.find((page) => page.name === shortOf(name))
    if (comment === undefined) throw new Error(`${source} begins with no comment that has @module`)
    const [sentence] = comment.summary
      .map(({ text }) => text)
      .join('')
      .replaceAll('\n', ' ')
      .split(/(?<=\.) /)
    return `- [${name}](${shortOf(name)}.md): ${sentence}`
  })
  return `# API reference\n\nWritten by \`npm run docs\` from the docstrings; one page a subpath.\n\n${pages.join('\n')}\n`
}

/** What the page of a public name is called. */
const shortOf = (name) => name.replace(/^hookferry\//, '')

const longOf = (short) => (short === 'hookferry' ? short : `hookferry/${short}`)

/** Whether both folders hold the same; says what differs. */
function compare(fresh) {
  const options = ['--no-index', '--no-color', '--stat', '--patch']
  const { status } = spawnSync('git', ['diff', ...options, COMMITTED, fresh], { stdio: 'inherit' })
  if (status === 0) return true
  console.error(`\n${COMMITTED} is not what the docstrings say: run npm run docs, and commit what it writes.`)
  return false
}

if (process.argv.includes('--check')) {
  const fresh = mkdtempSync(join(tmpdir(), 'hookferry-reference-'))
  try {
    if (!(await write(fresh)) || !compare(fresh)) process.exitCode = 1
  } finally {
    rmSync(fresh, { recursive: true })
  }
} else if (!(await write(COMMITTED))) process.exitCode = 1
