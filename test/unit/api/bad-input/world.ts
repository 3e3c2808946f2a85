import type { ReplayRun } from '../../../../src/api/replay-run.ts'
import { ALL_TENANTS } from '../../../../src/api/scope.ts'
import { createWebhookSender, type TenantSender } from '../../../../src/sender.ts'
import { hmacHeader } from '../../../../src/signing/hmac-header.ts'
import { standardWebhooks } from '../../../../src/signing/standard-webhooks.ts'
import { type Rig, rig, type Tampered } from '../../engine/rig.ts'
import { transactional } from '../../engine/transactional.ts'

/** A sender with something in it, so that a refused call would have something to spoil. */
export interface World extends Rig {
  acme: TenantSender
  run: ReplayRun
  /** Ids of tenant acme. */
  ids: { endpoint: string; event: string; delivery: string; replay: string }
  /** Ids of another tenant. */
  foreign: { endpoint: string; event: string; delivery: string; replay: string }
  cursors: { endpoints: string; events: string; deliveries: string; replays: string; explain: string }
}

export async function createWorld(): Promise<World> {
  const made = rig({ storage: transactional(), secretsKey: new Uint8Array(32).fill(7) })
  const { sender } = made
  const acme = sender.forTenant('acme')
  const other = sender.forTenant('other')
  const mine = await populate(acme)
  const theirs = await populate(other)
  await sender.drain()
  const idsOf = async (tenant: TenantSender, endpoint: string, event: string) => {
    const { items } = await tenant.deliveries.list({ endpointId: endpoint, eventId: event })
    return { endpoint, event, delivery: items[0]?.id ?? '' }
  }
  await acme.replay({ endpointId: mine.endpoint, eventId: mine.event })
  const run = await acme.replay({ endpointId: mine.endpoint })
  const foreignRun = await other.replay({ endpointId: theirs.endpoint })
  const page = { limit: 1 }
  return {
    ...made,
    acme,
    run,
    ids: { ...(await idsOf(acme, mine.endpoint, mine.event)), replay: run.id },
    foreign: { ...(await idsOf(other, theirs.endpoint, theirs.event)), replay: foreignRun.id },
    cursors: {
      endpoints: (await acme.endpoints.list(page)).nextCursor ?? '',
      events: (await acme.events.list(page)).nextCursor ?? '',
      deliveries: (await acme.deliveries.list(page)).nextCursor ?? '',
      replays: (await acme.replays.list(page)).nextCursor ?? '',
      explain: (await acme.events.explain(mine.event, page)).nextCursor ?? '',
    },
  }
}

async function populate(tenant: TenantSender): Promise<{ endpoint: string; event: string }> {
  const { id: endpoint } = await tenant.endpoints.create({ url: 'https://example.com/a' })
  await tenant.endpoints.create({ url: 'https://example.com/b' })
  const { id: event } = await tenant.send({ type: 'invoice.paid', data: 1, idempotencyKey: 'known' })
  await tenant.send({ type: 'invoice.paid', data: 2 })
  return { endpoint, event }
}

/** All that storage holds, for comparing. */
export async function dump(storage: Tampered): Promise<unknown> {
  const page = { limit: 1_000, examine: 10_000, after: null }
  return structuredClone({
    endpoints: await storage.listEndpoints({ changedSince: null, tenant: null, states: null, ...page }),
    events: await storage.listEvents({ tenant: null, type: null, since: null, until: null, ...page }),
    deliveries: await storage.listDeliveries({ selection: {}, ...page }),
    replays: await storage.listReplays({ tenant: null, states: null, ...page }),
    stats: await storage.stats({ now: 0, countMax: 1_000 }),
    versions: [
      await storage.endpointChanges({ tenant: 'acme', since: 0 }),
      await storage.endpointChanges({ tenant: 'other', since: 0 }),
    ],
  })
}

type Method = (...args: unknown[]) => unknown

const ROOTS: Record<string, Method> = {
  createWebhookSender: (...args) => createWebhookSender(...(args as [])),
  standardWebhooks: (...args) => standardWebhooks(...(args as [])),
  hmacHeader: (...args) => hmacHeader(...(args as unknown as Parameters<typeof hmacHeader>)),
}

/** The public call of that name. `acme:` in front: under `forTenant`. */
export function methodOf(world: World, name: string): Method {
  const root = ROOTS[name]
  if (root !== undefined) return root
  const [first = '', ...rest] = name.split(':').reverse()
  const from: unknown = rest.length > 0 ? world.acme : first.startsWith('run.') ? { run: world.run } : world.sender
  let owner = from
  const path = first.split('.')
  for (const key of path.slice(0, -1)) owner = Reflect.get(owner as object, key)
  const method = Reflect.get(owner as object, path.at(-1) ?? '') as Method
  return (...args) => method.apply(owner, args)
}

/** Names of all functions of an object and of the objects in it, such as `endpoints.create`. */
export function methodNames(value: object, prefix = ''): string[] {
  return Reflect.ownKeys(value).flatMap((key) => {
    const name = `${prefix}${String(key)}`
    const entry: unknown = Reflect.get(value, key)
    if (typeof entry === 'function') return [name]
    const nested = typeof entry === 'object' && entry !== null && !(entry instanceof Date)
    return nested ? methodNames(entry, `${name}.`) : []
  })
}

export { ALL_TENANTS }
