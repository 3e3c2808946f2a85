import type { Selection } from '../../../src/model/replay.ts'
import type { Storage } from '../../../src/ports/storage.ts'
import {
  addEndpoint,
  attemptOf,
  delivered,
  NOW,
  newEvent,
  rejected,
  WORKER,
} from '../../../src/testing/storage-suite/fixtures.ts'

const SELECTIONS: Selection[] = [
  {},
  { type: 'invoice.paid' },
  { tenant: 'acme' },
  { tenant: 'acme', states: ['failed'] },
  { endpointId: 'ep_1' },
  { tenant: 'acme', endpointId: 'ep_1', states: ['failed'] },
  { endpointId: 'ep_1', since: 1, until: 2 },
  { eventId: 'evt_1', endpointId: 'ep_1' },
  { ids: ['dlv_00000000001'] },
]

/** Calls each method so that each statement of the storage is sent once at least. */
export async function useEverything(storage: Storage): Promise<void> {
  await addEndpoint(storage, 'ep_1', 'acme')
  await addEndpoint(storage, 'ep_1', 'acme')
  await addEndpoint(storage, 'ep_2', 'other')
  await useEvents(storage)
  await useDeliveries(storage)
  await useOrdering(storage)
  await useReplays(storage)
  await useBackfill(storage)
  await useCancellation(storage)
  await useEndpoints(storage)
  await useUpkeep(storage)
}

async function useEvents(storage: Storage): Promise<void> {
  const acme = { tenant: 'acme', to: ['ep_1'] }
  const given = await newEvent(storage, { ...acme, id: 'evt_1', key: 'key', idGiven: true })
  const background = await newEvent(storage, { ...acme, id: 'evt_2', fanOut: 'background' })
  const pending = await newEvent(storage, { ...acme, id: 'evt_3' })
  const leased = await newEvent(storage, { ...acme, id: 'evt_4', leaseUntil: NOW + 1 })
  const events = [given, given, background, background, pending, pending, leased]
  await storage.insertEvents({ now: NOW, worker: WORKER, events })
  await storage.insertEvents({ now: NOW, worker: WORKER, events })
  await storage.claimDue({ now: NOW, worker: WORKER, room: [], defer: [{ endpointId: 'ep_1', until: NOW + 9 }] })
  const again = await newEvent(storage, { ...acme, id: 'evt_5', leaseUntil: NOW + 1 })
  await storage.insertEvents({ now: NOW, worker: WORKER, events: [again] })
  await storage.pendingFanOuts({ limit: 5 })
  const deliveries = [{ endpointId: 'ep_1', dueAt: NOW, leaseUntil: null }]
  await storage.insertSlice({ now: NOW, eventId: 'evt_2', from: '', to: null, deliveries })
}

async function useDeliveries(storage: Storage): Promise<void> {
  await storage.dueLanes({ now: NOW + 9, limit: 5, exclude: ['ep_2'] })
  const room = [{ endpointId: 'ep_1', limit: 5, leaseUntil: NOW + 1 }]
  const claimed = await storage.claimDue({ now: NOW, worker: WORKER, room, defer: [] })
  const [first, second, third] = claimed.map(({ lease }) => lease)
  await storage.releaseLeases({ now: NOW, worker: WORKER, leases: [third!] })
  await storage.expiredLeases({ now: NOW + 2, limit: 5 })
  await storage.nextDueAt()
  const lost = { ...delivered(second!), attempt: attemptOf(second!, { outcome: 'lost' }) }
  for (let round = 0; round < 2; round++) {
    await storage.settle({ now: NOW, settlements: [delivered(first!), rejected(second!, NOW), lost] })
  }
}

/** Heads that come to rest and are canceled, with others behind them, and fan-outs that wait for one another. */
async function useOrdering(storage: Storage): Promise<void> {
  await addEndpoint(storage, 'ep_3', 'ordered')
  const ordered = { tenant: 'ordered', to: ['ep_3'], orderingKey: 'key' }
  const offerAll = async (...ids: string[]) => {
    const events = await Promise.all(ids.map((id) => newEvent(storage, { ...ordered, id, leaseUntil: NOW + 1 })))
    return storage.insertEvents({ now: NOW, worker: WORKER, events })
  }
  const [first] = await offerAll('evt_o1', 'evt_o2', 'evt_o3')
  await offerAll('evt_o4')
  const leases = first?.status === 'inserted' ? first.leases : []
  await storage.settle({ now: NOW, settlements: leases.map((lease) => delivered(lease)) })
  const change = { id: 'ep_3', tenant: null, reason: null, guard: null, now: NOW }
  await storage.changeEndpointState({ ...change, from: ['active'], to: 'paused' })
  await storage.cancelHeld({ now: NOW + 9, heldBefore: NOW + 9, limit: 1 })
  await storage.stats({ now: NOW, countMax: 5 })
  const background = await newEvent(storage, { ...ordered, id: 'evt_o5', fanOut: 'background' })
  await storage.insertEvents({ now: NOW, worker: WORKER, events: [background] })
  await offerAll('evt_o6')
  await storage.pendingFanOuts({ limit: 1 })
}

async function useReplays(storage: Storage): Promise<void> {
  const page = { limit: 2, examine: 9, after: null }
  for (const selection of SELECTIONS) {
    const id = JSON.stringify(selection)
    await storage.listDeliveries({ selection, ...page })
    await storage.countAtRest({ selection, ...page })
    await storage.createReplay({ id, kind: 'replay', selection, perSecond: null, total: 1, now: NOW })
    await storage.stepReplay({ replayId: id, now: NOW, limit: 2, examine: 2 })
  }
  await storage.cancelReplay({ id: '{}', now: NOW })
  await storage.runningReplays({ limit: 2 })
  await storage.replayProgress('{}')
  for (const tenant of [null, 'acme']) await storage.listReplays({ tenant, states: ['running'], ...page })
}

/** Of two events that were sent before there was an endpoint for them. */
async function useBackfill(storage: Storage): Promise<void> {
  await addEndpoint(storage, 'ep_4', 'late')
  const missed = ['evt_l1', 'evt_l2'].map((id) => newEvent(storage, { tenant: 'late', id }))
  await storage.insertEvents({ now: NOW, worker: WORKER, events: await Promise.all(missed) })
  const selection = { endpointId: 'ep_4' }
  const backfill = { id: 'rpl_late', kind: 'backfill' as const, selection, perSecond: null, total: 2, now: NOW }
  const { cursor, bound } = await storage.createReplay(backfill)
  const page = { after: cursor, bound, limit: 2, examine: 9 }
  for (const eventId of [undefined, 'evt_l1']) {
    await storage.missedEvents({ selection: { ...selection, ...(eventId && { eventId }) }, ...page })
  }
  const step = { replayId: 'rpl_late', now: NOW, from: cursor, to: null, eventIds: ['evt_l1', 'evt_l2'] }
  const after = await storage.insertBackfill(step)
  if (after?.requeued !== 2) throw new Error('nothing was backfilled')
}

/** Of a head with another behind it, and of one that is leased and given back. */
async function useCancellation(storage: Storage): Promise<void> {
  await addEndpoint(storage, 'ep_5', 'canceling')
  for (const [id, leaseUntil] of Object.entries({ evt_c1: NOW + 1, evt_c2: undefined, evt_c3: undefined })) {
    const choices = { tenant: 'canceling', to: ['ep_5'], id, orderingKey: 'key', ...(leaseUntil && { leaseUntil }) }
    const events = [await newEvent(storage, choices)]
    const [result] = await storage.insertEvents({ now: NOW, worker: WORKER, events })
    await storage.eventProgress({ id, tenant: null })
    await storage.deliveriesOf({ eventId: id, endpointIds: ['ep_5', 'ep_1'] })
    if (id !== 'evt_c1') continue
    await storage.cancelEvent({ id, tenant: 'canceling', now: NOW, limit: 5 })
    const leases = result?.status === 'inserted' ? result.leases : []
    await storage.releaseLeases({ now: NOW, worker: WORKER, leases })
  }
  const canceled = await storage.cancelEvent({ id: 'evt_c2', tenant: null, now: NOW, limit: 5 })
  if (canceled?.canceled.length !== 1) throw new Error('nothing was canceled')
}

async function useEndpoints(storage: Storage): Promise<void> {
  const page = { limit: 2, examine: 9, after: null }
  await storage.updateEndpoint({ id: 'ep_1', tenant: 'acme', settings: { description: 'x' }, now: NOW })
  await storage.markWarned({ id: 'ep_1', failingSince: NOW })
  const change = { id: 'ep_1', tenant: null, reason: null, guard: null, now: NOW }
  await storage.changeEndpointState({ ...change, from: ['active'], to: 'disabled' })
  await storage.cancelHeld({ now: NOW + 9, heldBefore: NOW + 9, limit: 1 })
  await storage.changeEndpointState({ ...change, from: ['disabled'], to: 'active' })
  await storage.endpointChanges({ tenant: 'acme', since: 0 })
  for (const tenant of [null, 'acme']) {
    await storage.listEndpoints({ changedSince: null, tenant, states: ['active'], ...page })
    await storage.listEvents({ tenant, type: null, since: null, until: null, ...page })
    await storage.getEvent({ id: 'evt_1', tenant })
    await storage.getDelivery({ id: 'dlv_00000000001', tenant })
    await storage.getEndpoint({ id: 'ep_1', tenant })
  }
  await storage.listAttempts({ deliveryId: 'dlv_00000000001', ...page })
}

async function useUpkeep(storage: Storage): Promise<void> {
  await storage.stats({ now: NOW, countMax: 5 })
  const prune = { now: NOW + 99, deliveredBefore: NOW + 99, failedBefore: NOW + 99 }
  await storage.prune({ ...prune, limit: 1 })
  await storage.prune({ ...prune, limit: 50 })
  await storage.deleteEndpoint({ id: 'ep_1', tenant: null, now: NOW })
  await storage.cancelHeld({ now: NOW, heldBefore: NOW, limit: 5 })
}
