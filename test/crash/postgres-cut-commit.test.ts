/** Connections that are cut in the middle of a COMMIT: what was written is found again, and nothing is written twice. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { WebhookSender } from 'hookferry'
import { postgres } from 'hookferry/postgres'
import { seededRandom } from 'hookferry/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Seen } from '../support/crash/messages.ts'
import { countOpen, endsOf, lostAttempts, type Row, readRows, withGaps } from '../support/postgres/ledger.ts'
import { type Cut, type CuttingProxy, startProxy, type Work } from '../support/postgres/proxy.ts'
import { openPostgresScene, type PostgresScene } from '../support/postgres/scene.ts'

const SEED = 20_260_103
const CUTS = 1_000
const KINDS: readonly Cut[] = ['before', 'unanswered', 'halfway']
/** Of a hundred commits so many are cut. A claim that is cut is a lost attempt, and three in a row end a round. */
const PERCENT: Record<Work, number> = { accept: 50, settle: 50, claim: 15, other: 15 }
/** At each sender, one event after the other. */
const HOSTS = 4

/** Hosts wait for those that deliver, so that no more is left in the end. */
const AHEAD_MAX = 200
const CUT_WITHIN_MS = 60_000

/** A lease outlives a settlement that is cut several times in a row. */
const OPTIONS = {
  attempt: { deadlineMs: 1_000 },
  lease: { marginMs: 2_000 },
  pollMs: 100,
  concurrency: { total: 32, perEndpoint: 32 },
}

describe('a connection that is cut 1,000 times in the middle of a COMMIT', () => {
  let scene: PostgresScene
  let proxy: CuttingProxy | null = null
  let rows: Row[]
  let seen: Map<string, Seen>
  let lostRepeatedly: number
  /** Ids in the database of each event that was sent, by its number. */
  let stored: Map<number, string[]>
  let sent = 0
  let open = 0
  const accepted = new Map<number, string>()
  const refused = new Map<number, string>()
  const cuts: Record<string, number> = {}
  let count = 0

  beforeAll(async () => {
    scene = await openPostgresScene()
    await scene.endpoints([{ path: '/quick/all', eventTypes: ['order.*'] }])
    const random = seededRandom(SEED)
    proxy = await startProxy(scene.server.url, (work) => {
      const chance = random.float() * 100
      if (count >= CUTS || chance >= PERCENT[work]) return null
      const cut = KINDS[count++ % KINDS.length]!
      cuts[`${work}, ${cut}`] = (cuts[`${work}, ${cut}`] ?? 0) + 1
      return cut
    })
    await sendAndCut(proxy.url)
    rows = await readRows(scene.server)
    seen = await scene.seen()
    stored = await storedEvents()
  }, 120_000)

  afterAll(async () => {
    await scene?.close()
    await proxy?.close()
  })

  async function sendAndCut(url: string): Promise<void> {
    const storage = () => postgres({ connectionString: url })
    // The one delivers, too; the other only accepts, and does not wait long for it: some of its sends are given up.
    const impatient = { ...OPTIONS, storage: storage(), acceptTimeoutMs: 100 }
    await scene.withSender(
      (delivering) =>
        scene.withSender(async (accepting) => {
          await delivering.start()
          const until = performance.now() + CUT_WITHIN_MS
          const senders = [delivering, accepting].flatMap((sender) => Array.from({ length: HOSTS }, () => sender))
          await Promise.all([...senders.map((sender) => host(sender, until)), watch(until)])
          lostRepeatedly = (await scene.settled(20_000)).lostRepeatedly
        }, impatient),
      { ...OPTIONS, storage: storage() },
    )
  }

  /** Asked of the database: a settlement that was cut may be told by no event. */
  async function watch(until: number): Promise<void> {
    while (goesOn(until)) {
      open = await countOpen(scene.server)
      await sleep(100)
    }
  }

  const goesOn = (until: number) => count < CUTS && performance.now() < until

  async function host(sender: WebhookSender, until: number): Promise<void> {
    while (goesOn(until)) {
      if (open > AHEAD_MAX) {
        await sleep(5)
        continue
      }
      const n = sent++
      try {
        const { id } = await sender.send({ type: 'order.paid', data: { n } })
        accepted.set(n, id)
      } catch (error) {
        refused.set(n, (error as { code: string }).code)
      }
      // A host's own work: else the machine is busy with nothing but accepting.
      await sleep(5)
    }
  }

  async function storedEvents(): Promise<Map<number, string[]>> {
    const events = await scene.server.query<{ id: string; n: number }>(
      `SELECT id, (convert_from(body, 'UTF8')::json->'data'->>'n')::integer AS n FROM hookferry_event`,
    )
    const ids = new Map<number, string[]>()
    for (const { id, n } of events) ids.set(n, [...(ids.get(n) ?? []), id])
    return ids
  }

  it('was cut in each way, in each kind of transaction', () => {
    expect(count).toBe(CUTS)
    for (const work of ['accept', 'claim', 'settle'])
      for (const kind of KINDS) expect(cuts[`${work}, ${kind}`], `${work}, ${kind}`).toBeGreaterThan(0)
  })

  it('loses no event that was acknowledged, and writes none twice, without an idempotency key', () => {
    expect(accepted.size + refused.size).toBe(sent)
    expect([...accepted].filter(([n, id]) => stored.get(n)?.join() !== id)).toEqual([])
    // Whether a send that was given up was written nobody knows: once at most.
    expect([...stored].filter(([, ids]) => ids.length > 1)).toEqual([])
    expect([...refused.values()].filter((code) => code !== 'storage_unavailable' && code !== 'busy')).toEqual([])
    const surelyNot = [...refused].filter(([, code]) => code === 'busy')
    expect(surelyNot.filter(([n]) => stored.has(n))).toEqual([])
  })

  it('delivers each of them, and twice only where the attempt was lost', () => {
    expect(rows).toHaveLength(stored.size)
    expect(rows.filter(({ state }) => state !== 'delivered')).toEqual([])
    expect(rows.filter(({ key }) => (seen.get(key)?.taken ?? 0) === 0)).toEqual([])
    expect(rows.filter((row) => (seen.get(row.key)?.requests ?? 0) > 1 + lostAttempts(row))).toEqual([])
    expect(seen.size).toBe(rows.length)
    expect(withGaps(rows)).toEqual([])
  })

  it('tells its figures', () => {
    console.info('postgres cut commits:', {
      seed: SEED,
      cuts,
      sent,
      acknowledged: accepted.size,
      refused: refused.size,
      refusedAndStored: [...refused.keys()].filter((n) => stored.has(n)).length,
      duplicates: [...seen.values()].reduce((sum, { requests }) => sum + requests - 1, 0),
      lostRepeatedly,
      ends: endsOf(rows),
    })
  })
})
