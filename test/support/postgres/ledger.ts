import { keyOf, type Seen } from '../crash/messages.ts'
import type { Server } from './server.ts'

const STATES = ['pending', 'leased', 'delivered', 'failed', 'canceled'] as const

/** What the tables say of one delivery in the end. */
export interface Row {
  /** `webhook-id` and path, as everywhere. */
  key: string
  eventId: string
  type: string
  state: (typeof STATES)[number]
  reason: string | null
  /** How often it was claimed. */
  claims: number
  numbers: number[]
  outcomes: string[]
}

/** In one query: asked for one by one, the attempts of 20,000 deliveries would take longer than all the rest. */
export async function readRows(server: Server): Promise<Row[]> {
  const rows = await server.query<Omit<Row, 'key' | 'state'> & { url: string; state: number }>(
    `SELECT e.id AS "eventId", e.type, p.url, d.state, d.reason, d.claim AS claims,
      array_remove(array_agg(a.number ORDER BY a.number), NULL) AS numbers,
      array_remove(array_agg(a.outcome ORDER BY a.number), NULL) AS outcomes
    FROM hookferry_delivery AS d JOIN hookferry_event AS e ON e.key = d.event_key
      JOIN hookferry_endpoint AS p ON p.key = d.endpoint_key
      LEFT JOIN hookferry_attempt AS a ON a.delivery_key = d.key
    GROUP BY d.key, e.key, p.key`,
  )
  return rows.map(({ url, state, ...row }) => ({ ...row, key: keyOf(row.eventId, url), state: STATES[state]! }))
}

/** Deliveries that are not at rest. */
export async function countOpen(server: Server): Promise<number> {
  const [row] = await server.query<{ count: string }>(
    'SELECT count(*) AS count FROM hookferry_delivery WHERE state IN (0, 1)',
  )
  return Number(row?.count)
}

/** Whose attempts are not numbered 1, 2, 3 … up to the number of their claims. */
export function withGaps(rows: readonly Row[]): Row[] {
  return rows.filter(
    ({ claims, numbers }) => numbers.length !== claims || numbers.some((number, index) => number !== index + 1),
  )
}

/** Acknowledged events with another number of deliveries than endpoints matched, of deliveries that did not end well or arrive. */
export function lostOf(
  accepted: ReadonlySet<string>,
  rows: readonly Row[],
  seen: ReadonlyMap<string, Seen>,
  expected: (type: string) => number,
): string[] {
  const perEvent = new Map<string, Row[]>()
  for (const row of rows) {
    const own = perEvent.get(row.eventId)
    if (own === undefined) perEvent.set(row.eventId, [row])
    else own.push(row)
  }
  const arrived = ({ key, state }: Row) => state === 'delivered' && (seen.get(key)?.taken ?? 0) > 0
  return [...accepted].filter((id) => {
    const own = perEvent.get(id) ?? []
    return own.length === 0 || own.length !== expected(own[0]!.type) || !own.every(arrived)
  })
}

export function lostAttempts({ outcomes }: Row): number {
  return outcomes.filter((outcome) => outcome === 'lost').length
}

/** How deliveries ended, by their attempts, with the number of each. */
export function endsOf(rows: readonly Row[]): Record<string, number> {
  const ends: Record<string, number> = {}
  for (const { state, reason, outcomes } of rows) {
    const end = `${reason ?? state}: ${outcomes.join(', ')}`
    ends[end] = (ends[end] ?? 0) + 1
  }
  return ends
}
