import { plainObject, time } from '../arguments.ts'
import { WebhookError } from '../errors.ts'
import type { EndpointSettings, EndpointState } from '../model/endpoint.ts'
import { makeId } from '../model/ids.ts'
import { secretsInForce } from '../signing/in-force.ts'
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
import { endpointAccess, notFound } from './endpoint-access.ts'
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
export interface Endpoints<Type extends string = string> extends EndpointStates, EndpointTests<Type> {
  /**
   * Makes an endpoint. Its `secret` is returned here and nowhere else.
   * Throws `endpoint_url_invalid`, `endpoint_address_blocked`, `ArgumentError`.
   */
  create(input: EndpointInput<Type>): Promise<Endpoint & { secret: string }>
  /** Null: not found. */
  get(id: string): Promise<Endpoint | null>
  /** Newest first. */
  list(filter?: EndpointFilter): Promise<Listed<Endpoint>>
  /** Throws `endpoint_not_found`, and what `create` throws. */
  update(id: string, patch: EndpointPatch<Type>): Promise<Endpoint>
  /** Its pending deliveries are canceled; attempts under way are still recorded. Throws `endpoint_not_found`. */
  delete(id: string): Promise<void>
}

/** How often an update is merged anew when others come between. */
const UPDATE_TRIES = 10

export function endpointsApi(core: Core, scope: Scope): Endpoints {
  const checks = (): EndpointChecks => ({
    checkUrl: (url, ranges) => core.checkUrl(url, ranges),
    checkRanges: (ranges, path) => core.checkRanges(ranges, path),
    schemes: core.schemes,
    checkPattern: (pattern, path) => core.types.assertMatching(pattern, path),
    randomBytes: (size) => core.random.bytes(size),
    now: core.clock.now(),
  })
  const { find, changed } = endpointAccess(core, scope)
  const checkSigning = ({ overrides, secrets }: EndpointSettings) => {
    const now = core.clock.now()
    const [newest] = secretsInForce(secrets, now)
    if (newest === undefined) return
    checkSuits(schemesFor(core.schemes, overrides.signing), newest.value, now, 'endpoints.update.signing')
  }

  return {
    async create(value) {
      const input = endpointInput(value)
      const tenant = tenantOf(input, 'endpoints.create', scope)
      const { settings, secret } = newSettings(input, checks())
      await core.checkAddresses(settings.url, settings.overrides.allowRanges ?? [])
      const now = core.clock.now()
      const id = makeId('ep', now, (size) => core.random.bytes(size))
      const secrets = [{ value: secret, createdAt: now, expiresAt: null }]
      const endpoint = await core.ask((storage) =>
        storage.createEndpoint({ endpoint: { id, tenant, ...settings, secrets }, now }),
      )
      return { ...(await changed(endpoint, 'endpoint.created')), secret }
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
      const input = updateInput(patch)
      for (let tries = 0; tries < UPDATE_TRIES; tries++) {
        const before = await find(id)
        const settings = patchSettings(input, before, 'endpoints.update', checks())
        const ranges = (settings.overrides ?? before.overrides).allowRanges ?? []
        if (settings.url !== undefined) await core.checkAddresses(settings.url, ranges)
        if (input.signing !== undefined) checkSigning({ ...before, ...settings })
        const guard = settings.overrides === undefined ? {} : { guard: { overrides: before.overrides } }
        const update = { id, tenant: scope.bound, settings, ...guard, now: core.clock.now() }
        const after = await core.ask((storage) => storage.updateEndpoint(update))
        if (after === null) throw notFound(id)
        // Another update of its overrides came between: this one is merged into what there is now.
        if (after !== 'conflict') return changed(after, 'endpoint.updated')
      }
      const message = `endpoint ${id} is being changed too often at once: nothing was changed, try again.`
      throw new WebhookError('busy', message, { retryable: true })
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
  }
}
