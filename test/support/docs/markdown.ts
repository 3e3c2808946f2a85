import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Reads the documentation as tests see it: its code, its links, its tables. */

const root = fileURLToPath(new URL('../../..', import.meta.url))

export const read = (path: string): string => readFileSync(join(root, path), 'utf8')

/** Every Markdown file of ours, by its path from the root. */
export function documents(): string[] {
  const inDocs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
  const files = [...inDocs.map((name) => join('docs', name)), 'README.md', 'src/pipeline/README.md']
  return files.filter((name) => name.endsWith('.md'))
}

export interface Snippet {
  code: string
  /** `examples/file.ts#region`, as the comment above the block says; null: none does. */
  source: string | null
}

/** The TypeScript and JavaScript blocks of a document. */
export function snippets(markdown: string): Snippet[] {
  const blocks = markdown.matchAll(/(?:<!-- (examples\/\S+) -->\n)?```[jt]s\n([\s\S]*?)```/g)
  return [...blocks].map(([, source, code]) => ({ source: source ?? null, code: code ?? '' }))
}

/** What stands in the regions of that name, one after the other, without the indentation that they share. */
export function region(source: string): string {
  const [file = '', name] = source.split('#')
  const parts = read(file).matchAll(/^[ \t]*\/\/ #region (\S+)\n([\s\S]*?)^[ \t]*\/\/ #endregion/gm)
  const code = [...parts].filter(([, found]) => found === name).map(([, , part]) => part)
  const lines = code.join('').split('\n')
  const indents = lines.filter((line) => line.trim() !== '').map((line) => line.length - line.trimStart().length)
  const shared = Math.min(...indents)
  return lines.map((line) => line.slice(shared)).join('\n')
}

/** Links to files that are not there. */
export function brokenLinks(document: string): string[] {
  const targets = [...read(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target ?? '')
  return targets.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false
    const [path = '', anchor] = target.split('#')
    const file = path === '' ? document : relative(root, join(root, dirname(document), path))
    if (!existsSync(join(root, file))) return true
    return anchor !== undefined && !anchors(read(file)).includes(anchor)
  })
}

/** The anchors that GitHub makes of headings, numbered where they are alike, and those that stand in the text. */
function anchors(markdown: string): string[] {
  const seen = new Map<string, number>()
  const headings = [...markdown.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => {
    const anchor = title
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replace(/ /g, '-')
    const times = seen.get(anchor) ?? 0
    seen.set(anchor, times + 1)
    return times === 0 ? anchor : `${anchor}-${times}`
  })
  return [...headings, ...[...markdown.matchAll(/<a id="([^"]+)"><\/a>/g)].map(([, id = '']) => id)]
}

/** The rows of the table whose first row of heads is this, as cells without back-ticks. */
export function tableOf(markdown: string, ...heads: string[]): string[][] {
  const lines = markdown.split('\n')
  const start = lines.findIndex((line) => cellsOf(line).join('|') === heads.join('|'))
  if (start < 0) throw new Error(`there is no table with the heads ${heads.join(', ')}`)
  const rest = lines.slice(start + 2)
  const end = rest.findIndex((line) => !line.startsWith('|'))
  return rest.slice(0, end < 0 ? rest.length : end).map(cellsOf)
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim().replace(/`/g, ''))
}
