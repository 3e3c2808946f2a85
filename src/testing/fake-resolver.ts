import { isIP } from 'node:net'
import type { Resolve } from '../ports/resolver.ts'

/**
 * Answers host names from a table: addresses, `'hang'` until the signal ends it, or an error. Names that are not in it have the
 * public address 93.184.215.14.
 */
export function fakeResolver(table: Record<string, string[] | 'hang' | Error> = {}): Resolve {
  return async (host, { signal }) => {
    const answer = table[host] ?? ['93.184.215.14']
    if (answer instanceof Error) throw answer
    if (answer === 'hang') {
      return new Promise((_resolve, reject) => {
        if (signal.aborted) reject(signal.reason)
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      })
    }
    return answer.map((address) => ({ address, family: isIP(address) === 6 ? 6 : 4 }))
  }
}
