import { ArgumentError } from '../errors.ts'
import { isThenable } from './thenable.ts'

/** Asks a policy function of the host. Whatever it does, there is an answer: what it throws counts as `'default'`. */

export interface Decided<Answer> {
  answer: Answer | 'default'
  /** What the function threw, or an `ArgumentError` about an answer that means nothing; undefined: neither. */
  error: unknown
}

/** `understand` turns a meaningful answer into itself, anything else into null. `path` names the option in the error. */
export function decide<Answer>(
  ask: () => unknown,
  understand: (answer: unknown) => Answer | null,
  path: string,
): Decided<Answer> {
  let answer: unknown
  try {
    answer = ask()
    if (answer === 'default') return { answer, error: undefined }
    // Within the try: an answer may throw when it is read.
    const understood = understand(answer)
    if (understood !== null) return { answer: understood, error: undefined }
  } catch (error) {
    return { answer: 'default', error }
  }
  // An async function is a likely mistake; its rejection, unheard, would end the host's process.
  if (isThenable(answer)) Promise.resolve(answer).catch(() => {})
  return {
    answer: 'default',
    error: new ArgumentError('argument_invalid', path, 'answered what it may not; it counts as default'),
  }
}
