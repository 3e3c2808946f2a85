import type { EndpointSecret } from '../model/endpoint.ts'
import type { EventContent } from '../model/event.ts'
import { secretsInForce } from '../signing/in-force.ts'
import type { SigningScheme } from '../signing/scheme.ts'
import { signedBy } from '../signing/signed-by.ts'

/** Step 4: the headers of one attempt, signed over the stored bytes with the secrets of that moment. */

export interface SigningInput {
  event: EventContent
  /** The endpoint's own headers. */
  endpointHeaders: Record<string, string>
  /** All secrets of the endpoint, expired ones too. */
  secrets: readonly EndpointSecret[]
  /** All of them sign. */
  schemes: readonly SigningScheme[]
  /** Epoch milliseconds of this attempt; its timestamp is made anew each time. */
  now: number
  userAgent: string
}

/**
 * The headers of one attempt, with lower-case names. Where names meet, the event's header wins over the endpoint's, and a
 * scheme's over both. Throws what a scheme throws, such as when no secret in force suits it, and where it does not sign.
 */
export function attemptHeaders(input: SigningInput): Record<string, string> {
  const { event, now } = input
  const headers: Record<string, string> = { 'content-type': event.contentType, 'user-agent': input.userAgent }
  add(headers, input.endpointHeaders)
  add(headers, event.headers)
  const secrets = secretsInForce(input.secrets, now).map(({ value }) => value)
  const signInput = { id: event.id, timestampSeconds: Math.floor(now / 1_000), body: event.body, secrets }
  for (const scheme of input.schemes) add(headers, signedBy(scheme, signInput))
  return headers
}

function add(headers: Record<string, string>, more: Record<string, string>): void {
  for (const name of Object.keys(more)) headers[name.toLowerCase()] = more[name] as string
}
