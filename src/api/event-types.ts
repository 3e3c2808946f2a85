import type { Catalog, StandardSchema } from '../catalog.ts'
import { ArgumentError, WebhookError } from '../errors.ts'
import { matchesSegments } from '../pipeline/fan-out.ts'

/** The catalogue at run time. One without names knows nothing, so that it refuses nothing. */
export interface EventTypes {
  /** Null: its data is not checked. Throws `event_invalid` for a type that the catalogue does not have. */
  schemaOf(type: string): StandardSchema | null
  /** Throws an `ArgumentError` for a pattern that no type of the catalogue matches: nothing would ever come to its endpoint. */
  assertMatching(pattern: string, path: string): void
}

export function eventTypes(catalog: Catalog = {}): EventTypes {
  const schemas = new Map(Object.entries(catalog).map(([type, { schema }]) => [type, schema]))
  const names = [...schemas.keys()]
  const segments = names.map((name) => name.split('.'))
  const isMatching = (pattern: string) => {
    const wanted = pattern.split('.')
    return schemas.has(pattern) || segments.some((type) => matchesSegments(wanted, type))
  }
  return {
    schemaOf(type) {
      const schema = schemas.get(type)
      if (schema !== undefined) return schema
      if (names.length === 0) return null
      const message = `the catalogue has no type ${type}: ${hint(names, type)}. Send one of its types, or add this one to defineEvents().`
      throw new WebhookError('event_invalid', message)
    },
    assertMatching(pattern, path) {
      if (names.length === 0 || isMatching(pattern)) return
      throw new ArgumentError('argument_invalid', path, `matches no type of the catalogue: ${hint(names, pattern)}`)
    },
  }
}

/** Names in a message at most. */
const SHOWN_MAX = 5
/** Names that are compared for it at most: whoever sends types that do not exist is not to hold up the others. */
const COMPARED_MAX = 1_000

/** The names that look most like it, or some, so that one sees what was meant. */
function hint(names: readonly string[], text: string): string {
  const lower = text.toLowerCase()
  const near = names
    .slice(0, COMPARED_MAX)
    .map((name) => ({ name, likeness: likeness(name.toLowerCase(), lower) }))
    .filter(({ likeness }) => likeness >= 0.5)
    .sort((a, b) => b.likeness - a.likeness)
    .slice(0, SHOWN_MAX)
  if (near.length > 0) return `near it are ${near.map(({ name }) => name).join(', ')}`
  const more = names.length - SHOWN_MAX
  return `it has ${names.slice(0, SHOWN_MAX).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** The share of the longer one that both have at their start and their end, 0 to 1: a slip is mostly in one place. */
function likeness(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length)
  let start = 0
  while (start < shorter && a[start] === b[start]) start++
  let end = 0
  while (end < shorter - start && a.at(-1 - end) === b.at(-1 - end)) end++
  return (start + end) / Math.max(a.length, b.length)
}
