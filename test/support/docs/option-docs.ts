import ts from 'typescript'
import { read } from './markdown.ts'

/** The docstring of every option of an interface in the source, by its path, such as `retry.jitter`; groups are in it, too. */
export function optionDocs(file: string, name: string): Map<string, string> {
  const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true)
  const interfaces = new Map(source.statements.filter(ts.isInterfaceDeclaration).map((one) => [one.name.text, one]))
  const found = new Map<string, string>()
  const members = (group: ts.InterfaceDeclaration | undefined, path: string): void => {
    for (const { types } of group?.heritageClauses ?? []) {
      for (const { expression } of types) members(interfaces.get(expression.getText()), path)
    }
    for (const member of group?.members ?? []) walk(member, path)
  }
  const walk = (node: ts.Node, path: string): void => {
    if (ts.isPropertySignature(node)) {
      const own = path + node.name.getText()
      const [doc] = ts.getJSDocCommentsAndTags(node)
      const text = (doc?.getText() ?? '').replace(/^\/\*\*|\*\/$|^\s*\*/gm, '')
      found.set(own, text.replace(/\s+/g, ' ').trim())
      if (node.type !== undefined) walk(node.type, `${own}.`)
      return
    }
    // A group may have a name of its own.
    const group = ts.isTypeReferenceNode(node) ? interfaces.get(node.typeName.getText()) : undefined
    if (group === undefined) ts.forEachChild(node, (child) => walk(child, path))
    else members(group, path)
  }
  members(interfaces.get(name), '')
  return found
}

/** The options that are no groups of others. */
export function optionPaths(file: string, name: string): string[] {
  const paths = [...optionDocs(file, name).keys()]
  return paths.filter((path) => !paths.some((other) => other.startsWith(`${path}.`)))
}
