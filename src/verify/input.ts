import { ArgumentError, messageOf, VerificationError } from '../errors.ts'

/** The two forms in which a request may be given, and the bytes of its body. */

/**
 * A Fetch `Request` of any runtime, whose body nobody has read yet. By its shape, so that neither the types of the DOM nor those
 * of Node are needed.
 */
export interface RequestLike {
  /** Only the three that carry the signature are looked at: by iteration, or by `get` where there is none. */
  readonly headers: { get(name: string): string | null }
  /** True: somebody has read the body, so that it can't be checked any more. */
  readonly bodyUsed: boolean
  /** The bytes of the body, as they came. */
  arrayBuffer(): Promise<ArrayBuffer>
}

/** Headers as frameworks hand them over: Node's `req.headers`, a `Headers` with its `get`, a `Map`, or any pairs. Names in any case. */
export type RequestHeaders =
  | { get(name: string): string | null }
  | Iterable<readonly [string, string | readonly string[] | undefined]>
  | Readonly<Record<string, string | readonly string[] | undefined>>

/** A raw body: its bytes (a `Buffer` is a `Uint8Array`), or the text whose UTF-8 bytes they are. Never a parsed object. */
export type RequestBody = Uint8Array | ArrayBuffer | string

/** A request as two parts. Other properties are ignored. */
export interface RequestParts {
  /** As they came; only the three that carry the signature are looked at. */
  readonly headers: RequestHeaders
  /** The raw body, byte for byte as it came. */
  readonly body: RequestBody
}

const encoder = new TextEncoder()

export function checkInput(input: unknown): { headers: RequestHeaders } {
  if (typeof input !== 'object' || input === null || !('headers' in input)) {
    throw new ArgumentError('argument_type', 'input', 'must be a Request or { headers, body }')
  }
  const { headers } = input
  if (typeof headers !== 'object' || headers === null) {
    throw new ArgumentError(
      'argument_type',
      'input.headers',
      'must be an object, such as Headers or req.headers of Node',
    )
  }
  return { headers: headers as RequestHeaders }
}

/** The bytes of the body. Throws `body_unreadable` where they are not to be had any more. */
export async function readBody(input: RequestLike | RequestParts): Promise<Uint8Array> {
  return 'arrayBuffer' in input ? readRequest(input) : bytesOf(input.body)
}

async function readRequest(request: RequestLike): Promise<Uint8Array> {
  if (request.bodyUsed) {
    throw new VerificationError(
      'body_unreadable',
      'The body of the request was read before: call verify first, and take its answer instead of request.json().',
    )
  }
  try {
    return new Uint8Array(await request.arrayBuffer())
  } catch (cause) {
    const message = `The body of the request can not be read (${messageOf(cause)}): answer with an error, so that it is sent again.`
    throw new VerificationError('body_unreadable', message, { cause })
  }
}

function bytesOf(body: unknown): Uint8Array {
  if (typeof body === 'string') return encoder.encode(body)
  // Not by instanceof: under Jest, and between frames, the classes differ.
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength)
  if (Object.prototype.toString.call(body) === '[object ArrayBuffer]') return new Uint8Array(body as ArrayBuffer)
  throw new VerificationError(
    'body_unreadable',
    `${body === undefined || body === null ? 'There is no body' : 'The body is neither bytes nor text'}: keep the raw body, since what was parsed and written again has another signature. In Express: express.raw({ type: '*/*' }) on this route.`,
  )
}
