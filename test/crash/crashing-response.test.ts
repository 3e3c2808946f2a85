import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Entry, readLedger, withGaps } from '../support/crash/ledger.ts'
import { type Fate, keyOf, type Seen } from '../support/crash/messages.ts'
import { openScene, type Scene } from '../support/crash/scene.ts'

/** Leases of 600 ms. */
const OPTIONS = { pollMs: 10, attempt: { deadlineMs: 500 }, lease: { marginMs: 100 } }
/** A host's own mistake, a host that gives up, and a crash in native code. */
const FATES: readonly Fate[] = ['throw', 'exit', 'abort']
/** So many lives are begun at most; three of them are to end early. */
const LIVES_MAX = 6

describe('a response that crashes the host', () => {
  let scene: Scene
  let crashes = 0
  let entries: Entry[]
  let seen: Map<string, Seen>
  let paths: Map<string, string>

  beforeAll(async () => {
    scene = await openScene()
    paths = await scene.endpoints([{ path: '/poison/one' }, { path: '/quick/two' }])
    const send = { do: 'send', events: [{ id: 'evt_fatal', type: 'order.paid', data: {} }] }
    for (let life = 0; life < LIVES_MAX; life++) {
      const crashOnHeader = FATES[life % FATES.length] as Fate
      const host = scene.sender({ options: OPTIONS, start: true, crashOnHeader })
      await host.line('up')
      if (life === 0) await host.ask(send, 'accepted')
      const crashed = host.ended.then(() => true)
      // Rejects when the host ends first, which is the other answer.
      const failed = host.line('failed').then(
        () => false,
        () => true,
      )
      if (await Promise.race([crashed, failed])) {
        await host.ended
        crashes += 1
        continue
      }
      await host.ask(
        {
          do: 'send',
          events: [{ id: 'evt_next', type: 'order.paid', data: {}, endpoints: [paths.get('/quick/two')] }],
        },
        'delivered',
      )
      await host.ask({ do: 'stop' }, 'stopped')
      break
    }
    entries = await scene.withSender(readLedger)
    seen = await scene.seen()
  }, 60_000)

  afterAll(() => scene.close())

  const entryOf = (eventId: string, path: string) => entries.find(({ key }) => key === keyOf(eventId, path))

  it('fails the delivery at the third crash', () => {
    expect(crashes).toBe(3)
    const fatal = entryOf('evt_fatal', '/poison/one')
    expect(fatal?.delivery).toMatchObject({ state: 'failed', reason: 'lost_repeatedly', attemptCount: 3 })
    expect(fatal?.attempts.map(({ outcome }) => outcome)).toEqual(['lost', 'lost', 'lost'])
    expect(seen.get(keyOf('evt_fatal', '/poison/one'))?.requests).toBe(3)
  })

  it('delivers the same event to others, and others after it', () => {
    expect(entryOf('evt_fatal', '/quick/two')?.delivery).toMatchObject({ state: 'delivered', attemptCount: 1 })
    expect(entryOf('evt_next', '/quick/two')?.delivery).toMatchObject({ state: 'delivered', attemptCount: 1 })
    expect(withGaps(entries)).toEqual([])
  })
})
