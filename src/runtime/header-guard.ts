import { ArgumentError } from '../errors.ts'
import { HEADER_NAME, isReserved, isStandard } from '../model/header-names.ts'

const HEADERS_MAX_COUNT = 64
const HEADERS_MAX_BYTES = 8_192

/** Printable latin1, without blanks at its ends, which no receiver would see. */
const VALUE = /^(?:[\x21-\x7e\xa0-\xff](?:[\x20-\x7e\xa0-\xff]*[\x21-\x7e\xa0-\xff])?)?$/

/** Checks custom headers and answers a copy. `path` is where they stand, such as `endpoints.create.headers`. */
export function checkHeaders(headers: unknown, path: string): Record<string, string> {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) {
    throw new ArgumentError('argument_type', path, 'must be an object of header names and values')
  }
  const entries = Object.entries(headers)
  if (entries.length > HEADERS_MAX_COUNT) {
    throw new ArgumentError('argument_range', path, `must hold at most ${HEADERS_MAX_COUNT} headers`)
  }
  const seen = new Set<string>()
  let bytes = 0
  const checked = entries.map(([name, value]): [string, string] => {
    // The name is not repeated in a message before it is known to be harmless in a log.
    if (!HEADER_NAME.test(name))
      throw new ArgumentError('argument_invalid', path, 'holds a name that is no header name')
    const at = `${path}.${name}`
    checkName(name.toLowerCase(), at, seen)
    const text = checkValue(value, at)
    bytes += name.length + text.length
    return [name, text]
  })
  if (bytes > HEADERS_MAX_BYTES) {
    throw new ArgumentError(
      'argument_range',
      path,
      `names and values must be at most ${HEADERS_MAX_BYTES} bytes in all`,
    )
  }
  return Object.fromEntries(checked)
}

function checkName(lower: string, at: string, seen: Set<string>): void {
  if (isReserved(lower) || isStandard(lower)) {
    throw new ArgumentError('argument_invalid', at, 'is a header that only the sender itself sets')
  }
  if (seen.has(lower)) throw new ArgumentError('argument_invalid', at, 'is given twice; names ignore case')
  seen.add(lower)
}

/** Values may be secrets: no message repeats one. */
function checkValue(value: unknown, at: string): string {
  if (typeof value !== 'string') throw new ArgumentError('argument_type', at, 'must be a string')
  if (!VALUE.test(value)) {
    const rule = 'must be printable latin1, without control characters and without blanks at its ends'
    throw new ArgumentError('argument_invalid', at, rule)
  }
  return value
}
