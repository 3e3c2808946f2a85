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
    const headers = inLowerCase(answer)
    if (headers !== null && isDeclared(headers, scheme.headers)) return headers
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

/** Null: a value is no string, or empty, which is no proof. */
function inLowerCase(answer: Record<string, unknown>): Record<string, string> | null {
  const headers: Record<string, string> = {}
  for (const name of Object.keys(answer)) {
    const value = answer[name]
    if (typeof value !== 'string' || value === '') return null
    headers[name.toLowerCase()] = value
  }
  return headers
}

function isDeclared(headers: Record<string, string>, declared: readonly string[]): boolean {
  return (
    Object.keys(headers).length === declared.length &&
    declared.every((name) => Object.hasOwn(headers, name.toLowerCase()))
  )
}
