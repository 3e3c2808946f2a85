import type { EndpointSecret } from '../model/endpoint.ts'

/** The secrets that sign at this moment, newest first. One that expires signs no more from that very moment on. */
export function secretsInForce(secrets: readonly EndpointSecret[], now: number): EndpointSecret[] {
  return secrets
    .filter((secret) => secret.expiresAt === null || secret.expiresAt > now)
    .sort((a, b) => b.createdAt - a.createdAt)
}
