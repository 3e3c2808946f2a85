import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import type { ClaimedDelivery, NewEvent, Settlement, Storage } from '../../../src/ports/storage.ts'
import { Connection } from '../../../src/storage/sqlite/connection.ts'
import { loadDriver } from '../../../src/storage/sqlite/driver.ts'
import { type SqliteStorage, sqlite } from '../../../src/storage/sqlite/index.ts'

export const NOW = 1_800_000_000_000
export const WORKER = 'wrk_1'

const cleanUps: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

/** Path of a database that is not there yet, in a folder that goes with the test. */
export function freshPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hookferry-'))
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'webhooks.db')
}

export async function openStorage(path: string, tablePrefix?: string): Promise<SqliteStorage> {
  const storage = sqlite(tablePrefix === undefined ? { path } : { path, tablePrefix })
  await storage.open({ now: NOW })
  cleanUps.push(() => storage.close())
  return storage
}

/** Another connection to the file, without our schema code. */
export function openRaw(path: string): Connection {
  const raw = Connection.open(loadDriver(), { path, tablePrefix: 'hookferry_', thread: false })
  cleanUps.push(() => raw.close())
  return raw
}

export async function addEndpoint(storage: Storage, id: string, tenant = 'acme'): Promise<void> {
  await storage.createEndpoint({
    now: NOW,
    endpoint: {
      id,
      tenant,
      url: `https://example.com/${id}`,
      eventTypes: null,
      description: null,
      headers: {},
      secrets: [],
      overrides: {},
      metadata: {},
    },
  })
}

export function newEvent(id: string, over: Partial<NewEvent> = {}): NewEvent {
  return {
    event: {
      id,
      tenant: 'acme',
      type: 'invoice.paid',
      occurredAt: NOW,
      createdAt: NOW,
      deliverAt: NOW,
      idempotencyKey: null,
      orderingKey: null,
      contentType: 'application/json',
      body: new Uint8Array(1_024),
      headers: {},
      metadata: {},
      canceledAt: null,
    },
    idGiven: false,
    hash: 'hash',
    idempotencyExpiresAt: null,
    endpointsVersion: 1,
    endpointIds: null,
    fanOut: 'inline',
    deliveries: [],
    ...over,
  }
}

export function pendingFor(...endpointIds: string[]): Pick<NewEvent, 'deliveries'> {
  return { deliveries: endpointIds.map((endpointId) => ({ endpointId, dueAt: NOW, leaseUntil: null })) }
}

export function settlementOf({ lease }: ClaimedDelivery, next: Settlement['next']): Settlement {
  return {
    deliveryId: lease.deliveryId,
    endpointId: lease.endpointId,
    claim: lease.claim,
    attempt: {
      number: lease.claim,
      round: lease.round,
      url: 'https://example.com',
      startedAt: NOW,
      durationMs: 5,
      outcome: next.state === 'delivered' ? 'delivered' : 'rejected',
      status: next.state === 'delivered' ? 200 : 500,
      requestHeaders: {},
      responseHeaders: {},
      responseBody: null,
      remoteAddress: null,
      timings: null,
      error: null,
    },
    next,
    observation: { kind: next.state === 'delivered' ? 'success' : 'failure', at: NOW, struggling: false },
    blockLaneUntil: null,
    ordered: lease.ordered,
  }
}
