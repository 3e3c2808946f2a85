import { WebhookError } from '../errors.ts'
import type { SignInput, SigningScheme } from './scheme.ts'

/**
 * What a scheme signs with: all the headers that it declares, and no others, in lower case. A scheme may be the host's own: one that
 * answers otherwise, such as with a promise, is refused, since its request would go out unsigned.
 */
export function signedBy(scheme: SigningScheme, input: SignInput): Record<string, string> {
  const answer: unknown = scheme.sign(input)
  // An async function is a likely mistake; its rejection, unheard, would end the host's process.
  if (isThenable(answer)) answer.then(undefined, () => {})
  else if (isRecord(answer)) {
    const headers = Object.fromEntries(Object.entries(answer).map(([name, value]) => [name.toLowerCase(), value]))
    const written = Object.keys(headers).sort().join()
    const declared = scheme.headers.map((name) => name.toLowerCase()).sort()
    if (written === declared.join() && isSigned(headers)) return headers
  }
  throw new WebhookError(
    'endpoint_state_invalid',
    `the scheme ${scheme.name} must return its headers as strings at once, all that it declares (${scheme.headers.join(', ')}) and no others: mend its sign().`,
  )
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return isRecord(value) && typeof value.then === 'function'
}

/** An empty value is no proof. */
function isSigned(headers: Record<string, unknown>): headers is Record<string, string> {
  return Object.values(headers).every((value) => typeof value === 'string' && value !== '')
}
