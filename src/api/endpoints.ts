import { plainObject, time } from '../arguments.ts'
import type { EndpointRecord, EndpointState } from '../model/endpoint.ts'
import { makeId } from '../model/ids.ts'
import { schemesFor } from '../signing/schemes.ts'
import {
  type EndpointChecks,
  type EndpointInput,
  type EndpointPatch,
  endpointInput,
  endpointStateFilter,
  newSettings,
  patchSettings,
  updateInput,
} from './check-endpoint.ts'
import { checkSuits } from './check-signing.ts'
import type { Core } from './core.ts'
import { type Listed, listed, type PageOptions, pageInput } from './cursor.ts'
import { endpointAccess } from './endpoint-access.ts'
import { type EndpointSecrets, endpointSecrets, type ShownSecret, shown } from './endpoint-secrets.ts'
import { type EndpointStates, endpointStates } from './endpoint-states.ts'
import { type EndpointTests, endpointTests } from './endpoint-tests.ts'
import { type Endpoint, presentEndpoint } from './present.ts'
import { type ALL_TENANTS, checkId, type Scope, tenantFilterOf, tenantOf } from './scope.ts'

/** Which endpoints. All that is given holds together. */
export interface EndpointFilter extends PageOptions {
  /** Default `'default'`. */
  tenant?: string | typeof ALL_TENANTS
  /** Those in this state, or in one of these. Left out: in any. */
  state?: EndpointState | EndpointState[]
  /** Only those whose settings or state changed at or after this moment: by `updatedAt`. */
  changedSince?: Date | string
}

/** Where customers listen. Changes count from the next `send`, in every process. `Type`: the catalogue's names. */
export interface Endpoints<Type extends string = string> extends EndpointStates, EndpointSecrets, EndpointTests<Type> {
  /**
   * Makes an endpoint. Its secret is returned here, by `rotateSecret` and `revealSecrets`, and by nothing else.
   * Throws `endpoint_url_invalid`, `endpoint_address_blocked`, `secrets_key_unknown` (as `start` does), `ArgumentError`.
   */
  create(input: EndpointInput<Type>): Promise<Endpoint & ShownSecret>
  /** Null: not found. */
  get(id: string): Promise<Endpoint | null>
  /** Newest first. */
  list(filter?: EndpointFilter): Promise<Listed<Endpoint>>
  /**
   * Throws `endpoint_not_found`, `endpoint_url_invalid`, `endpoint_address_blocked`, `ArgumentError`; `busy` (retryable) while others
   * change it all the time; where `signing` is given, for which a secret is tried: `secrets_key_unknown`, `secret_unreadable`.
   */
  update(id: string, patch: EndpointPatch<Type>): Promise<Endpoint>
  /**
   * Its pending deliveries are canceled, within a minute where only other processes deliver; attempts under way are still recorded.
   * Throws `endpoint_not_found`.
   */
  delete(id: string): Promise<void>
}

export function endpointsApi(core: Core, scope: Scope): Endpoints {
  const checks = (): EndpointChecks => ({
    checkUrl: (url, ranges) => core.checkUrl(url, ranges),
    checkRanges: (ranges, path) => core.checkRanges(ranges, path),
    schemes: core.schemes,
    checkPattern: (pattern, path) => core.types.assertMatching(pattern, path),
    randomBytes: (size) => core.random.bytes(size),
    now: core.clock.now(),
  })
  const { find, change, changed } = endpointAccess(core, scope)
  const checkSigning = (endpoint: EndpointRecord) => {
    const now = core.clock.now()
    const [newest] = core.sealing.open(endpoint, now)
    if (newest === undefined) return
    checkSuits(schemesFor(core.schemes, endpoint.overrides.signing), newest.value, now, 'endpoints.update.signing')
  }

  return {
    async create(value) {
      const input = endpointInput(value)
      const tenant = tenantOf(input, 'endpoints.create', scope)
      const { settings, secret } = newSettings(input, checks())
      await core.checkAddresses(settings.url, settings.overrides.allowRanges ?? [])
      await core.assertKeys()
      const now = core.clock.now()
      const id = makeId('ep', now, (size) => core.random.bytes(size))
      const secrets = [{ value: core.sealing.seal(secret, id), createdAt: now, expiresAt: null }]
      const endpoint = await core.ask((storage) =>
        storage.createEndpoint({ endpoint: { id, tenant, ...settings, secrets }, now }),
      )
      return { ...(await changed(endpoint, 'endpoint.created')), ...shown(secret) }
    },
    async get(value) {
      const id = checkId(value, 'endpoints.get.id')
      const endpoint = await core.ask((storage) => storage.getEndpoint({ id, tenant: scope.bound }))
      return endpoint === null ? null : presentEndpoint(endpoint)
    },
    async list(filter = {}) {
      const input = plainObject(filter, 'endpoints.list', ['tenant', 'state', 'changedSince', 'limit', 'cursor'])
      const tenant = tenantFilterOf(input, 'endpoints.list', scope)
      const states = input.state === undefined ? null : endpointStateFilter(input.state, 'endpoints.list.state')
      const changedSince =
        input.changedSince === undefined ? null : time(input.changedSince, 'endpoints.list.changedSince')
      const query = { tenant, states, changedSince }
      const page = pageInput(input, 'endpoints.list', 'endpoints', query)
      const found = await core.ask((storage) => storage.listEndpoints({ ...query, ...page }))
      return listed(found, 'endpoints', query, presentEndpoint)
    },
    async update(value, patch) {
      const id = checkId(value, 'endpoints.update.id')
      const input = updateInput(patch, checks())
      const after = await change(id, async (before) => {
        const settings = patchSettings(input, before, 'endpoints.update', checks())
        const ranges = (settings.overrides ?? before.overrides).allowRanges ?? []
        if (settings.url !== undefined) await core.checkAddresses(settings.url, ranges)
        if (settings.overrides === undefined) return { settings }
        // What they were merged from, and what the schemes were tried with, is still so when they are written.
        const guard = { overrides: before.overrides }
        if (input.signing === undefined) return { settings, guard }
        checkSigning({ ...before, ...settings })
        return { settings, guard: { ...guard, secrets: before.secrets } }
      })
      return changed(after, 'endpoint.updated')
    },
    async delete(value) {
      const id = checkId(value, 'endpoints.delete.id')
      const before = await find(id)
      const now = core.clock.now()
      // False: it has gone since it was found, maybe by an earlier try of this very call whose answer was lost.
      await core.ask((storage) => storage.deleteEndpoint({ id, tenant: scope.bound, now }))
      await changed(before, 'endpoint.deleted')
      core.sweepSoon()
    },
    ...endpointTests(core, scope),
    ...endpointStates(core, scope),
    ...endpointSecrets(core, scope),
  }
}
