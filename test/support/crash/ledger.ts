import Database from 'better-sqlite3'
import { ALL_TENANTS, type Attempt, type Delivery, type Listed, type WebhookSender } from 'hookferry'
import { keyOf } from './messages.ts'

/** What the database says in the end. */
export interface Entry {
  key: string
  delivery: Delivery
  attempts: Attempt[]
}

async function collect<T>(next: (cursor?: string) => Promise<Listed<T>>): Promise<T[]> {
  const all: T[] = []
  for (let cursor: string | undefined; ; ) {
    const page = await next(cursor)
    all.push(...page.items)
    if (page.nextCursor === null) return all
    cursor = page.nextCursor
  }
}

/** Every delivery of the file with its attempts. */
export async function readLedger(sender: WebhookSender): Promise<Entry[]> {
  const deliveries = await collect((cursor) =>
    sender.deliveries.list({ tenant: ALL_TENANTS, limit: 200, ...(cursor === undefined ? {} : { cursor }) }),
  )
  const endpoints = await collect((cursor) =>
    sender.endpoints.list({ tenant: ALL_TENANTS, limit: 200, ...(cursor === undefined ? {} : { cursor }) }),
  )
  const urls = new Map(endpoints.map(({ id, url }) => [id, url]))
  const entries: Entry[] = []
  for (const delivery of deliveries) {
    const { items } = await sender.deliveries.attempts(delivery.id, { limit: 200 })
    entries.push({ key: keyOf(delivery.eventId, urls.get(delivery.endpointId) ?? ''), delivery, attempts: items })
  }
  return entries
}

/** Whose attempts are not numbered 1, 2, 3 … up to the count that the delivery itself tells. */
export function withGaps(entries: readonly Entry[]): Entry[] {
  return entries.filter(
    ({ attempts, delivery }) =>
      attempts.length !== delivery.attemptCount || attempts.some(({ number }, index) => number !== index + 1),
  )
}

/** What SQLite itself thinks of the file: `ok`. */
export function integrityOf(path: string): string {
  const db = new Database(path, { readonly: true })
  try {
    return String(db.pragma('integrity_check', { simple: true }))
  } finally {
    db.close()
  }
}

/** How deliveries ended, by their attempts, with the number of each: what a failing test shows. */
export function endsOf(entries: readonly Entry[]): Record<string, number> {
  const ends: Record<string, number> = {}
  for (const { delivery, attempts } of entries) {
    const end = `${delivery.reason ?? delivery.state}: ${attempts.map(({ outcome }) => outcome).join(', ')}`
    ends[end] = (ends[end] ?? 0) + 1
  }
  return ends
}
