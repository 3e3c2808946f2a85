import type { EndpointRecord } from '../model/endpoint.ts'
import { buildMatcher } from '../pipeline/fan-out.ts'
import type { Storage } from '../ports/storage.ts'
import { hostTurn } from './host-turn.ts'

/** The endpoints of one tenant at one version of its endpoint set. */
export class TenantEndpoints {
  readonly version: number
  readonly #byId: ReadonlyMap<string, EndpointRecord>
  #matcher: ReturnType<typeof buildMatcher> | null = null

  constructor(version: number, byId: ReadonlyMap<string, EndpointRecord>) {
    this.version = version
    this.#byId = byId
  }

  get size(): number {
    return this.#byId.size
  }

  get(id: string): EndpointRecord | undefined {
    return this.#byId.get(id)
  }

  /** Those whose patterns match, in ascending order of id. */
  match(type: string): readonly EndpointRecord[] {
    this.#matcher ??= buildMatcher([...this.#byId.values()])
    return this.#matcher.match(type)
  }

  /** Those of these ids that there are, in ascending order. */
  among(ids: readonly string[]): EndpointRecord[] {
    return [...ids].sort().flatMap((id) => this.#byId.get(id) ?? [])
  }

  /** The next version: itself, with what changed since. */
  with(version: number, changed: readonly EndpointRecord[], deletedIds: readonly string[]): TenantEndpoints {
    const byId = new Map(this.#byId)
    for (const id of deletedIds) byId.delete(id)
    for (const endpoint of changed) byId.set(endpoint.id, endpoint)
    return new TenantEndpoints(version, byId)
  }
}

/** A tenant that was not used for so long is let go, at the latest after twice that. */
const QUIET_MS = 5 * 60_000

const NONE = new TenantEndpoints(0, new Map())

/**
 * The endpoints of the tenants in use. Storage compares the version at each insert and shows it at each claim, so that a change
 * made anywhere counts here from then on; what changed is then loaded as a delta.
 */
export class EndpointCache {
  readonly #storage: Storage
  readonly #endpointsMax: number
  /** Least recently used first. */
  readonly #tenants = new Map<string, TenantEndpoints>()
  readonly #loading = new Map<string, Promise<TenantEndpoints>>()
  /** Since the last sweep. */
  readonly #used = new Set<string>()
  #sweptAt = Number.NEGATIVE_INFINITY
  #size = 0

  constructor(storage: Storage, endpointsMax: number) {
    this.#storage = storage
    this.#endpointsMax = endpointsMax
  }

  /** What is known, without asking storage. */
  known(tenant: string): TenantEndpoints | undefined {
    return this.#tenants.get(tenant)
  }

  /** The tenant's endpoints at `version` or later; 0: whatever is known, loaded if nothing is. */
  async at(tenant: string, version: number): Promise<TenantEndpoints> {
    const known = this.#tenants.get(tenant)
    if (known !== undefined && known.version >= version) {
      this.#used.add(tenant)
      this.#tenants.delete(tenant)
      this.#tenants.set(tenant, known)
      return known
    }
    return this.refresh(tenant)
  }

  /** Something changed: what is known is brought up to date, what is not known is left to its first use. */
  async changed(tenant: string): Promise<void> {
    if (this.#tenants.has(tenant) || this.#loading.has(tenant)) await this.refresh(tenant)
  }

  /** Lets go of the tenants that nobody used for minutes: memory depends on what is active. `now`: of the monotonic clock. */
  sweep(now: number): void {
    if (now - this.#sweptAt < QUIET_MS) return
    this.#sweptAt = now
    for (const [tenant, endpoints] of this.#tenants) if (!this.#used.has(tenant)) this.#forget(tenant, endpoints)
    this.#used.clear()
  }

  /** Asks storage for what changed. */
  async refresh(tenant: string): Promise<TenantEndpoints> {
    // What is under way may have read before the change that the caller knows of: wait for it, then ask again.
    await this.#loading.get(tenant)?.catch(() => {})
    return this.#loading.get(tenant) ?? this.#load(tenant)
  }

  #load(tenant: string): Promise<TenantEndpoints> {
    const loading = this.#fetch(tenant).finally(() => this.#loading.delete(tenant))
    this.#loading.set(tenant, loading)
    return loading
  }

  async #fetch(tenant: string): Promise<TenantEndpoints> {
    let endpoints = this.#tenants.get(tenant) ?? NONE
    for (let more = true; more; ) {
      const changes = await this.#storage.endpointChanges({ tenant, since: endpoints.version })
      if (changes !== null) endpoints = endpoints.with(changes.version, changes.changed, changes.deletedIds)
      more = changes?.more ?? false
      if (more) await hostTurn()
    }
    // Only whole: up to a change that was left out, the set is one that never was.
    this.#keep(tenant, endpoints)
    return endpoints
  }

  #keep(tenant: string, endpoints: TenantEndpoints): void {
    this.#size += endpoints.size - (this.#tenants.get(tenant)?.size ?? 0)
    this.#tenants.delete(tenant)
    this.#tenants.set(tenant, endpoints)
    this.#used.add(tenant)
    for (const [oldest, least] of this.#tenants) {
      if (oldest === tenant || (this.#size <= this.#endpointsMax && this.#tenants.size <= this.#endpointsMax)) break
      this.#forget(oldest, least)
    }
  }

  #forget(tenant: string, { size }: TenantEndpoints): void {
    this.#tenants.delete(tenant)
    this.#used.delete(tenant)
    this.#size -= size
  }
}
