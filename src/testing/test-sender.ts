import type { Catalog, EventName, EventOutput } from '../catalog.ts'
import type { SenderOptions } from '../options.ts'
import { isManual, type ManualClock } from '../ports/clock.ts'
import { createWebhookSender, type WebhookSender } from '../sender.ts'
import { memory } from '../storage/memory/index.ts'
import { assertNothingSent, assertSent, type Subset } from './assert-sent.ts'
import { fakeResolver } from './fake-resolver.ts'
import { manualClock } from './manual-clock.ts'
import { recorded, type ScriptedTransport, type SeenRequest, scriptedTransport } from './scripted-transport.ts'
import { seededRandom } from './seeded-random.ts'
import { readRequests, type SentEvent, type SentWebhook } from './sent.ts'

/** A sender with all that it stands on, and what to ask of it. */
export interface TestSender<C extends Catalog = Catalog> {
  /** Not started: `await sender.drain()` delivers what is due, `drain({ until })` moves the clock on. */
  sender: WebhookSender<C>
  /** Its only time: it stands still until it is moved, by `drain({ until })` or by hand. */
  clock: ManualClock
  /** What requests meet: 200 until it is told otherwise. */
  transport: ScriptedTransport
  /** All requests made, in their order. */
  requests: SeenRequest[]
  /** What reached endpoints, in its order: every attempt at every endpoint, whatever it was answered; of one type, or all. */
  sent: SentFunction<C>
  /**
   * That something of this type was sent whose data holds `data`: what is left out may be anything, and matchers such as
   * `expect.any(String)` are asked. Returns the first such webhook. Throws an `AssertionError` that says what was sent instead.
   */
  assertSent<K extends EventName<C>>(type: K, data?: Subset<EventOutput<C, K>>): SentEvent<C, K>
  /** That nothing was sent, or nothing of this type. Throws an `AssertionError` that says what was. */
  assertNothingSent(type?: EventName<C>): void
}

/** How `sent` is asked: without a type it answers everything, bodies of other forms, too. */
export interface SentFunction<C extends Catalog = Catalog> {
  (): SentWebhook<C>[]
  <K extends EventName<C>>(type: K): SentEvent<C, K>[]
}

/**
 * A sender in virtual time, on memory storage, that makes no request. Takes what `createWebhookSender` takes; a `transport` of your
 * own is used in place of the scripted one, and what it is given stands in `requests` all the same. A `runtime.clock` should be a
 * `manualClock()`: one that goes by itself is not moved by `clock`. It needs no `stop`: nothing of it keeps the process alive.
 */
export function createTestSender<C extends Catalog = Catalog>(options: SenderOptions<C> = {}): TestSender<C> {
  // An explicit undefined counts as left out: it must not bring a real file, real names or real time into a test.
  const { storage = memory(), runtime = {} } = options
  const { clock: time = manualClock(), random = seededRandom(1), resolve = fakeResolver() } = runtime
  const clock = isManual(time) ? time : manualClock()
  const transport = scriptedTransport(time)
  const { requests } = transport
  const used = options.transport === undefined ? transport : recorded(options.transport, time, requests)
  const sender = createWebhookSender({
    ...options,
    storage,
    transport: used,
    runtime: { clock: time, random, resolve },
  })
  const sent = (type?: string) => readRequests(requests).filter((one) => type === undefined || one.type === type)
  const test: TestSender<C> = {
    sender,
    clock,
    transport,
    requests,
    sent: sent as SentFunction<C>,
    assertSent: <K extends EventName<C>>(type: K, data?: Subset<EventOutput<C, K>>) =>
      assertSent(sent(), type, data, test.assertSent) as SentEvent<C, K>,
    assertNothingSent: (type) => assertNothingSent(sent(), type, test.assertNothingSent),
  }
  return test
}
