/** Keys of the store: parts with a slash between them. They sort by their first part, then by the second, and so on. */

type Part = string | number

/** Numbers are whole and not negative; sixteen digits hold each safe integer, and sort as it does. */
const DIGITS = 16

export function key(...parts: Part[]): string {
  return parts.map(written).join('/')
}

/** The number that stands in a key at this place. */
export function numberIn(text: string, place: number): number {
  return Number(text.split('/')[place])
}

export interface Range {
  from: string
  /** Not included. */
  to: string
}

/** All keys that begin with these parts. */
export function under(...parts: Part[]): Range {
  const prefix = key(...parts)
  // The character after the slash.
  return { from: `${prefix}/`, to: `${prefix}0` }
}

/** Of the keys that begin with these parts those whose next part is below this number. */
export function below(end: number, ...parts: Part[]): Range {
  return { ...under(...parts), to: key(...parts, end) }
}

/** Tenants and keys of the caller's may hold any character. */
function written(part: Part): string {
  if (typeof part === 'string') return part.replace(/[%/]/g, (character) => (character === '/' ? '%2F' : '%25'))
  return String(Math.min(Math.max(part, 0), Number.MAX_SAFE_INTEGER)).padStart(DIGITS, '0')
}
