import { createHmac } from 'node:crypto'
import { ArgumentError, WebhookError } from '../errors.ts'
import { HEADER_NAME, isReserved, isStandard } from '../model/header-names.ts'
import type { SignInput, SigningScheme } from './scheme.ts'
import { parseSecret } from './secrets.ts'

/** A signature in a header of one's own: for those who migrate, whose customers verify it already. */

const ALGORITHMS = ['sha256', 'sha1', 'sha512'] as const
const ENCODINGS = ['hex', 'base64'] as const

/** What `hmacHeader` takes. */
export interface HmacHeaderOptions {
  /**
   * The header's name, such as `X-Hub-Signature-256`. In lower case it is the name of the scheme, too. None of the connection, of
   * `content-*` or `webhook-*`.
   */
  header: string
  /** `'sha256'`, `'sha512'`, or `'sha1'` for receivers that know nothing newer. Default `'sha256'`. */
  algorithm?: (typeof ALGORITHMS)[number]
  /** How the signature is written: `'hex'` in lower case, or `'base64'` with its padding. Default `'hex'`. */
  encoding?: (typeof ENCODINGS)[number]
  /** What stands before it, such as `sha256=`; `{id}` and `{timestamp}` are filled in. At most 256 characters. Default: nothing. */
  prefix?: string
  /**
   * What is signed: `{id}` (the event's), `{timestamp}` (Unix seconds of this attempt) and `{body}` are filled in. Holds `{body}`, at
   * most 256 characters. Default `'{body}'`.
   */
  content?: string
  /**
   * What stands between signatures while several secrets are in force, newest first, such as `,v1=`; at most 256 characters. Left
   * out: the header has room for one signature, and the oldest secret makes it until it expires.
   */
  separator?: string
}

/**
 * An HMAC of the request in one header: `hmacHeader({ header: 'X-Hub-Signature-256', prefix: 'sha256=' })` is GitHub's form. Its
 * secrets are `whsec_…` of any size; `whsk_…` ones it leaves to other schemes. Throws an `ArgumentError`.
 */
export function hmacHeader(options: HmacHeaderOptions): SigningScheme {
  const { header, algorithm, encoding, prefix, content, separator } = checkOptions(options)
  const name = header.toLowerCase()
  return {
    name,
    headers: [name],
    sign(input: SignInput): Record<string, string> {
      const keys = input.secrets.flatMap((secret) => {
        const parsed = parseSecret(secret)
        return parsed.kind === 'v1' ? [parsed.key] : []
      })
      if (keys.length === 0) {
        const message = 'no secret in force is an HMAC key (whsec_): give the endpoint another one.'
        throw new WebhookError('endpoint_state_invalid', message)
      }
      const signed = bytesOf(content, input)
      const signing = separator === undefined ? keys.slice(-1) : keys
      const signatures = signing.map((key) => createHmac(algorithm, key).update(signed).digest(encoding))
      return { [name]: bytesOf(prefix, input).toString('latin1') + signatures.join(separator) }
    },
  }
}

type Part = string | '{id}' | '{timestamp}' | '{body}'

/** Fills in a template. Bytes, never a decoded string: decoding would give bodies that differ in their invalid bytes one signature. */
function bytesOf(template: readonly Part[], { id, timestampSeconds, body }: SignInput): Buffer {
  const filled = new Map<Part, Uint8Array>([
    ['{id}', Buffer.from(id)],
    ['{timestamp}', Buffer.from(String(timestampSeconds))],
    ['{body}', body],
  ])
  return Buffer.concat(template.map((part) => filled.get(part) ?? Buffer.from(part)))
}

type Checked = Required<Pick<HmacHeaderOptions, 'header' | 'algorithm' | 'encoding'>> & {
  prefix: readonly Part[]
  content: readonly Part[]
  separator: string | undefined
}

const PATH = 'hmacHeader'
const KNOWN = ['header', 'algorithm', 'encoding', 'prefix', 'content', 'separator']

function checkOptions(options: HmacHeaderOptions): Checked {
  if (Object.prototype.toString.call(options) !== '[object Object]') {
    throw new ArgumentError('argument_type', PATH, 'must be an object, such as { header: "X-Signature" }')
  }
  const unknown = Object.keys(options).find((key) => !KNOWN.includes(key))
  if (unknown !== undefined) {
    throw new ArgumentError(
      'argument_unknown',
      `${PATH}.${unknown}`,
      `is not known here; known are ${KNOWN.join(', ')}`,
    )
  }
  const { algorithm = 'sha256', encoding = 'hex', prefix = '', content = '{body}', separator } = options
  if (separator !== undefined) checkText(separator, 'separator', 1)
  const template = checkTemplate(content, 'content', ['{id}', '{timestamp}', '{body}'])
  if (!template.includes('{body}')) {
    throw new ArgumentError(
      'argument_invalid',
      `${PATH}.content`,
      'must hold {body}: what is not signed can be changed',
    )
  }
  return {
    header: checkHeader(options.header),
    algorithm: oneOf(algorithm, 'algorithm', ALGORITHMS),
    encoding: oneOf(encoding, 'encoding', ENCODINGS),
    prefix: checkTemplate(prefix, 'prefix', ['{id}', '{timestamp}']),
    content: template,
    separator,
  }
}

function checkHeader(header: unknown): string {
  const path = `${PATH}.header`
  if (header === undefined) throw new ArgumentError('argument_missing', path, 'is required')
  if (typeof header !== 'string') throw new ArgumentError('argument_type', path, 'must be a string')
  if (!HEADER_NAME.test(header) || header.length > TEXT_MAX) {
    throw new ArgumentError('argument_invalid', path, 'must be the name of a header, such as X-Signature')
  }
  const name = header.toLowerCase()
  if (isReserved(name))
    throw new ArgumentError('argument_invalid', path, 'is a header that only the sender itself sets')
  if (isStandard(name)) throw new ArgumentError('argument_invalid', path, 'belongs to standardWebhooks(): use that')
  return header
}

const TEXT_MAX = 256

/** Printable ASCII: it stands in a header, or beside what stands there. */
function checkText(value: unknown, field: string, min: number): string {
  const path = `${PATH}.${field}`
  if (typeof value !== 'string') throw new ArgumentError('argument_type', path, 'must be a string')
  if (value.length < min || value.length > TEXT_MAX) {
    throw new ArgumentError('argument_range', path, `must have ${min} to ${TEXT_MAX} characters, has ${value.length}`)
  }
  if (/^[\x20-\x7e]*$/.test(value)) return value
  throw new ArgumentError('argument_invalid', path, 'must be printable ASCII')
}

function checkTemplate(value: unknown, field: string, names: readonly string[]): Part[] {
  const text = checkText(value, field, 0)
  const parts = text.split(/(\{\w+\})/).filter((part) => part !== '')
  const unknown = parts.find((part) => /^\{\w+\}$/.test(part) && !names.includes(part))
  if (unknown === undefined) return parts
  throw new ArgumentError('argument_invalid', `${PATH}.${field}`, `knows no ${unknown}; known are ${names.join(', ')}`)
}

function oneOf<T extends string>(value: unknown, field: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value)
  if (found !== undefined) return found
  throw new ArgumentError('argument_invalid', `${PATH}.${field}`, `must be one of ${allowed.join(', ')}`)
}
