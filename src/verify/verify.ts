import { func, integer, plainObject } from '../arguments.ts'
import type { Catalog } from '../catalog.ts'
import { ArgumentError, VerificationError } from '../errors.ts'
import { readEnvelope } from './envelope.ts'
import { readHeaders, type SignedHeaders } from './headers.ts'
import { checkInput, type RequestLike, type RequestParts, readBody } from './input.ts'
import { type Keys, readSecrets } from './secrets.ts'
import { signedContent, someSignatureFits } from './signatures.ts'
import type { Verified } from './verified.ts'

/** What `verify` may be told beside the request and the secret. */
export interface VerifyOptions {
  /**
   * How far the moment of the attempt may lie from ours, before or after, in milliseconds: an integer from 0. It bounds for how
   * long a request that somebody recorded can be played back. Default 300,000 (5 min).
   */
  toleranceMs?: number
  /** The present moment in epoch milliseconds, for tests. Default `Date.now`. */
  now?: () => number
}

const TOLERANCE_MS = 300_000

/**
 * Checks that a webhook comes from whoever holds the secret, by Standard Webhooks 1.0.0, and reads it. It needs WebCrypto and
 * nothing of Node: it runs on the edge as well.
 *
 * ```ts
 * const event = await verify<typeof events>(request, secret)
 * if (event.type === 'invoice.paid') event.data.amount
 * ```
 *
 * The catalogue `C` types what comes back; nothing is checked against its schemas. A type that the sender knows and `C` does not
 * arrives as it was sent, so leave a default branch.
 *
 * `input` is the `Request` whose body nobody has read yet, or its headers and raw body: Express's own request is such a pair where
 * `express.raw` read it. `secret` is what the sender gave: `whsec_…`, the same without its prefix, or `whpk_…` for Ed25519; up to 8 of
 * them during a rotation, of which one has to fit. Comes back with the webhook's `id`, by which to recognise one that came before, and
 * its content.
 *
 * Rejects with a `VerificationError` of the code `secret_invalid`, `header_missing`, `header_invalid`, `timestamp_too_old`,
 * `timestamp_too_new`, `body_unreadable` or `signature_mismatch`, and with an `ArgumentError` where `input` or options are malformed.
 */
export async function verify<C extends Catalog = Catalog>(
  input: RequestLike | RequestParts,
  secret: string | readonly string[],
  options: VerifyOptions = {},
): Promise<Verified<C>> {
  const { toleranceMs, now } = checkOptions(options)
  const keys = readSecrets(secret)
  const { headers: given } = checkInput(input)
  const headers = readHeaders(given)
  checkAge(headers.seconds, now, toleranceMs)
  const content = signedContent(headers, await readBody(input))
  if (!(await someSignatureFits(content.all, headers.signatures, keys))) throw mismatch(headers, keys)
  // The bytes that were checked, whatever became of the caller's buffer meanwhile.
  const { body } = content
  const common = { id: headers.id, timestamp: new Date(headers.seconds * 1_000), body }
  return { ...common, ...readEnvelope(body) } as Verified<C>
}

function checkOptions(options: VerifyOptions): { toleranceMs: number; now: number } {
  const given = plainObject(options, 'options', ['toleranceMs', 'now'])
  const { toleranceMs = TOLERANCE_MS, now: clock = Date.now } = given
  func(clock, 'options.now')
  const now: unknown = (clock as () => unknown)()
  // Of NaN every comparison is false: each request would be of the right age.
  if (!Number.isFinite(now)) throw new ArgumentError('argument_type', 'options.now', 'must return epoch milliseconds')
  const bounds = { min: 0, max: Number.MAX_SAFE_INTEGER }
  return { toleranceMs: integer(toleranceMs, 'options.toleranceMs', bounds), now: now as number }
}

/** In whole seconds, as the timestamp is written. */
function checkAge(seconds: number, now: number, toleranceMs: number): void {
  const ageMs = (Math.floor(now / 1_000) - seconds) * 1_000
  if (ageMs > toleranceMs) {
    throw new VerificationError(
      'timestamp_too_old',
      `The request was signed ${ageMs / 1_000} s ago, ${toleranceMs / 1_000} s are allowed: set this machine's clock right; a request that was kept is verified with the now of its arrival.`,
    )
  }
  if (-ageMs > toleranceMs) {
    throw new VerificationError(
      'timestamp_too_new',
      `The request was signed ${-ageMs / 1_000} s in the future, ${toleranceMs / 1_000} s are allowed: set this machine's clock right.`,
    )
  }
}

function mismatch({ signatures }: SignedHeaders, keys: Keys): VerificationError {
  const known = new Set(keys.map((key) => key.version))
  const message = signatures.some(({ version }) => known.has(version))
    ? 'No signature fits: give the secret of this very endpoint, and the body byte for byte as it came (express.raw, not express.json).'
    : `The request has no whole ${[...known].join(' or ')} signature, which is what the secret checks: whsec_ checks v1, whpk_ checks v1a.`
  return new VerificationError('signature_mismatch', message)
}
