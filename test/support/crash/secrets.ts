import { createHash } from 'node:crypto'

/** The secret of the endpoint at this path, which the receiver can make for itself. */
export function secretOf(path: string): string {
  return `whsec_${createHash('sha256').update(path).digest('base64')}`
}
