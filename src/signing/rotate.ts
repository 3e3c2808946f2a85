import type { EndpointSecret } from '../model/endpoint.ts'

/**
 * The secrets after a rotation, newest first: `fresh` for good, and those that were in force, newest first, for `overlapMs` from now
 * or as long as they had anyway, whichever is shorter. One that is among them already becomes the newest.
 */
export function rotated(
  inForce: readonly EndpointSecret[],
  fresh: string,
  { now, overlapMs }: { now: number; overlapMs: number },
): EndpointSecret[] {
  const [newest] = inForce
  const ends = now + overlapMs
  // The order of secrets goes by their creation, which a clock that was set back must not turn round.
  const createdAt = newest?.value === fresh ? newest.createdAt : Math.max(now, newest?.createdAt ?? now)
  const others = inForce
    .filter(({ value }) => value !== fresh)
    .map((secret) => ({ ...secret, expiresAt: Math.min(secret.expiresAt ?? ends, ends) }))
  return [{ value: fresh, createdAt, expiresAt: null }, ...others.filter(({ expiresAt }) => expiresAt > now)]
}
