import type { Catalog } from '../catalog.ts'
import type { SenderOptions } from '../options.ts'
import type { ManualClock } from '../ports/clock.ts'
import { createWebhookSender, type WebhookSender } from '../sender.ts'
import { memory } from '../storage/memory/index.ts'
import { fakeResolver } from './fake-resolver.ts'
import { manualClock } from './manual-clock.ts'
import { type ScriptedTransport, type SeenRequest, scriptedTransport } from './scripted-transport.ts'
import { seededRandom } from './seeded-random.ts'

/** A sender with all that it stands on. */
export interface TestSender<C extends Catalog = Catalog> {
  /** Not started: `await sender.drain()` delivers what is due, `drain({ until })` moves the clock on. */
  sender: WebhookSender<C>
  /** Its only time: it stands still until it is moved, by `drain({ until })` or by hand. */
  clock: ManualClock
  /** What requests meet: 200 until it is told otherwise. */
  transport: ScriptedTransport
  /** All requests made, in their order. */
  requests: SeenRequest[]
}

/** A sender in virtual time, on memory storage, that makes no request. Every option may be given otherwise. */
export function createTestSender<C extends Catalog = Catalog>(options: SenderOptions<C> = {}): TestSender<C> {
  const clock = manualClock()
  const transport = scriptedTransport(clock)
  const runtime = { clock, random: seededRandom(1), resolve: fakeResolver(), ...options.runtime }
  const sender = createWebhookSender({ storage: memory(), transport, ...options, runtime })
  return { sender, clock, transport, requests: transport.requests }
}
