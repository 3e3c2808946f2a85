import { isDeepStrictEqual } from 'node:util'
import { integer, plainObject } from '../arguments.ts'
import { WebhookError } from '../errors.ts'
import type { EndpointRecord, EndpointSecret } from '../model/endpoint.ts'
import { rotated } from '../signing/rotate.ts'
import { schemesFor } from '../signing/schemes.ts'
import { parseSecret, publicKeyOf, type SecretKind } from '../signing/secrets.ts'
import { givenSecret, type SecretInput, secretOf } from './check-signing.ts'
import type { Core } from './core.ts'
import { endpointAccess } from './endpoint-access.ts'
import { checkId, type Scope } from './scope.ts'

/** The secrets of an endpoint: how they are changed, and how they are seen again. */

/** A secret, which only its receiver should see. */
export interface ShownSecret {
  /** In its written form: `whsec_…` for HMAC, `whsk_…` for Ed25519. */
  secret: string
  /** What the receiver of a `whsk_` secret verifies with, `whpk_…`. Null: it is an HMAC secret, which both sides have. */
  publicKey: string | null
}

/** A secret that signs now. */
export interface RevealedSecret extends ShownSecret {
  /** When the endpoint was given it. */
  createdAt: Date
  /** From then on it signs no more. Null: until it is rotated. */
  expiresAt: Date | null
}

/** What `revealSecrets` answers. */
export interface RevealedSecrets {
  /** Newest first. */
  secrets: RevealedSecret[]
}

/** How a secret is rotated. */
export interface RotateOptions {
  /** The new secret, as `create` takes it. One that is in force already becomes the newest. Default: made here, of the same kind. */
  secret?: SecretInput
  /** How long the secrets of before go on signing, 0 ms to 30 days. Default 24 h. 0 revokes them at once. */
  overlapMs?: number
}

/** How an endpoint's secret is changed, and seen again. */
export interface EndpointSecrets {
  /**
   * Gives the endpoint a new secret, which signs from the next attempt on, beside those of before while they last: here at once, in
   * other processes at their next look. Throws `endpoint_not_found`, `endpoint_state_invalid` when too many are in force,
   * `secrets_key_unknown`, `secret_unreadable`, `busy`, `ArgumentError`.
   */
  rotateSecret(id: string, options?: RotateOptions): Promise<ShownSecret>
  /**
   * The secrets that sign now, newest first: for a page on which a customer looks at theirs again. Throws `endpoint_not_found`,
   * `secrets_key_unknown`, `secret_unreadable`.
   */
  revealSecrets(id: string): Promise<RevealedSecrets>
}

const DAY = 86_400_000

/** How long secrets of before go on signing. */
export const OVERLAP_MS = Object.freeze({ min: 0, max: 30 * DAY, default: DAY })

/** Each of them signs each request. */
export const IN_FORCE_MAX = 5

export function shown(secret: string): ShownSecret {
  return { secret, publicKey: publicKeyOf(secret) }
}

export function endpointSecrets(core: Core, scope: Scope): EndpointSecrets {
  const { find, change, changed } = endpointAccess(core, scope)
  return {
    async rotateSecret(value, options = {}) {
      const path = 'endpoints.rotateSecret'
      const id = checkId(value, `${path}.id`)
      const given = plainObject(options, path, ['secret', 'overlapMs'])
      const overlapMs =
        given.overlapMs === undefined ? OVERLAP_MS.default : integer(given.overlapMs, `${path}.overlapMs`, OVERLAP_MS)
      const wanted = givenSecret(given.secret, `${path}.secret`)
      let secret = ''
      let written: EndpointSecret | null = null
      const after = await change(id, (before) => {
        // The answer to an earlier try was lost, and it was written after all.
        if (before.secrets.some((stored) => isDeepStrictEqual(stored, written))) return null
        const now = core.clock.now()
        const inForce = held(core, before, { now, overlapMs })
        secret = newSecret(core, before, inForce, { wanted, now })
        const secrets = rotated(inForce, secret, { now, overlapMs })
        refuseTooMany(id, secrets)
        const stored = secrets.map((plain) => ({ ...plain, value: core.sealing.seal(plain.value, id) }))
        written = stored[0] ?? null
        return { settings: { secrets: stored }, guard: { secrets: before.secrets, overrides: before.overrides } }
      })
      await changed(after, 'endpoint.secret_rotated')
      return shown(secret)
    },
    async revealSecrets(value) {
      const endpoint = await find(checkId(value, 'endpoints.revealSecrets.id'))
      const secrets = core.sealing.open(endpoint, core.clock.now())
      core.lifecycle.note('endpoint.secrets_revealed', { endpointId: endpoint.id, tenant: endpoint.tenant })
      return {
        secrets: secrets.map(({ value: secret, createdAt, expiresAt }) => ({
          ...shown(secret),
          createdAt: new Date(createdAt),
          expiresAt: expiresAt === null ? null : new Date(expiresAt),
        })),
      }
    },
  }
}

/** What is in force, opened. What is to be revoked may be damaged: giving another secret is the way out of that. */
function held(core: Core, endpoint: EndpointRecord, { now, overlapMs }: { now: number; overlapMs: number }) {
  try {
    return core.sealing.open(endpoint, now)
  } catch (error) {
    if (overlapMs > 0) throw error
    return []
  }
}

/** As given, or of the kind of the newest; of another one where the schemes want that by now. */
function newSecret(
  core: Core,
  { overrides }: EndpointRecord,
  [newest]: readonly EndpointSecret[],
  { wanted, now }: { wanted: string | null; now: number },
): string {
  const schemes = schemesFor(core.schemes, overrides.signing)
  const kind = newest === undefined ? 'v1' : parseSecret(newest.value).kind
  const kinds: SecretKind[] = kind === 'v1' ? ['v1', 'v1a'] : ['v1a', 'v1']
  const randomBytes = (size: number) => core.random.bytes(size)
  return secretOf(wanted, 'endpoints.rotateSecret.secret', { schemes, randomBytes, now }, kinds)
}

function refuseTooMany(id: string, secrets: readonly EndpointSecret[]): void {
  if (secrets.length <= IN_FORCE_MAX) return
  const next = Math.min(...secrets.map(({ expiresAt }) => expiresAt ?? Number.POSITIVE_INFINITY))
  const message = `endpoint ${id} has ${IN_FORCE_MAX} secrets in force, the most there may be: wait until ${new Date(next).toISOString()}, when one of them expires, or revoke them by overlapMs: 0.`
  throw new WebhookError('endpoint_state_invalid', message)
}
