import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Attempt,
  createWebhookSender,
  DEFAULTS,
  type Delivery,
  type ReplayProgress,
  type TenantSender,
  VERSION,
  type WebhookSender,
} from 'hookferry'
import type { Storage } from 'hookferry/storage'
import { Facts } from './facts.ts'
import { bold, chapter, elapsed, green, note, noteAttempt, red, say, tell } from './narrate.ts'
import type { ReceiverName } from './receivers.ts'
import { type Receivers, startReceivers } from './start-receivers.ts'
import { showAttempts, showDeliveries } from './tables.ts'

/** Instead of 5 s to 24 h, so that nobody has to wait for three days. */
const DELAYS_MS = [300, 600, 1_200]
const NAMES: ReceiverName[] = ['healthy', 'recovering', 'gone']
const INVOICES = ['inv_2', 'inv_3', 'inv_4']
const LONGEST_WAIT_MS = 15_000

type Ids = Record<ReceiverName, string>

/** What the demo calls its events, by their ids. */
const labels = new Map<string, string>()
const labelOf = ({ eventId }: { eventId: string }) => labels.get(eventId) ?? eventId

/**
 * The main job on real HTTP, told as it happens, on a storage in a folder of its own. The process exits with 0 only if everything
 * ended as it should.
 */
export async function runDemo(storageIn: (folder: string) => Storage): Promise<void> {
  const receivers = await startReceivers()
  const folder = await mkdtemp(join(tmpdir(), 'hookferry-demo-'))
  process.once('SIGINT', () => {
    rmSync(folder, { recursive: true, force: true })
    process.exit(130)
  })
  const storage = storageIn(folder)
  const sender = createWebhookSender({
    storage,
    // Customers' servers are public and speak TLS; these three are on this machine.
    network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
    retry: { delaysMs: DELAYS_MS, jitter: 0 },
  })
  try {
    process.exitCode = (await story(sender, receivers, storage.name)) ? 0 : 1
  } catch (error) {
    console.error(red('\nThe demo did not come to its end:'), error)
    process.exitCode = 1
  } finally {
    await sender.stop({ graceMs: 1_000 })
    await receivers.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function story(sender: WebhookSender, receivers: Receivers, storage: string): Promise<boolean> {
  const facts = new Facts()
  say(bold(`hookferry ${VERSION}: webhooks sent from inside a Node process, over real HTTP`))
  const acme = sender.forTenant('acme')
  const ids = await setUp(sender, acme, receivers, storage)
  const first = await oneEvent(acme, receivers)
  const held = await outage(sender, acme, receivers, ids)
  const drainedMs = await resume(acme, ids)
  const replayed = await replayFailed(acme, receivers, ids)

  const deliveries = (await acme.deliveries.list()).items.reverse()
  const attempts = new Map<string, Attempt[]>()
  for (const { id } of deliveries) attempts.set(id, (await acme.deliveries.attempts(id)).items)
  chapter('What there is in the database now')
  const nameOf = (delivery: Delivery) => NAMES.find((name) => ids[name] === delivery.endpointId) ?? ''
  showDeliveries(deliveries, nameOf, labelOf)
  showAttempts(deliveries, attempts, nameOf)

  chapter('Did everything end as it should?')
  const of = (name: ReceiverName) => deliveries.filter((delivery) => nameOf(delivery) === name)
  const outcome = (name: ReceiverName) => of(name).map(({ state, reason }) => reason ?? state)
  const statuses = (delivery: Delivery | undefined) => attempts.get(delivery?.id ?? '')?.map(({ status }) => status)
  facts.check('the same idempotency key gave the same event, once', first.duplicate, true)
  facts.check('the healthy endpoint got all four events', outcome('healthy'), Array(4).fill('delivered'))
  facts.check('the recovering endpoint got all four events', outcome('recovering'), Array(4).fill('delivered'))
  facts.check('its first event succeeded at the third attempt', statuses(of('recovering')[0]), [500, 500, 200])
  for (const delivery of of('recovering').slice(1)) {
    const found = { statuses: statuses(delivery), round: delivery.round }
    const expected = { statuses: [500, 500, 500, 500, 200], round: 2 }
    facts.check(`${labelOf(delivery)} failed four times and was delivered by the replay`, found, expected)
  }
  facts.check('no retry came early', [...attempts.values()].every(keepsSchedule), true)
  facts.check('the replay requeued three and delivered three', replayed, {
    state: 'completed',
    total: 3,
    requeued: 3,
    skipped: 0,
    delivered: 3,
    failed: 0,
    canceled: 0,
  })
  const gone = await acme.endpoints.get(ids.gone)
  facts.check('the endpoint that answered 410 is disabled', [gone?.state, gone?.stateReason], ['disabled', 'gone'])
  facts.check('what came later is held for it, unsent', outcome('gone'), [
    'endpoint_gone',
    'pending',
    'pending',
    'pending',
  ])
  facts.check('the paused endpoint saw no request until it was resumed', held, { requests: 1, held: 6, pending: 6 })
  facts.check('then it got what was held', drainedMs < LONGEST_WAIT_MS, true)
  const seen = await receivers.report()
  const total = [...attempts.values()].flat().length
  facts.check('the receivers saw as many requests as there are attempts', seen.length, total)
  facts.check(
    'standardwebhooks verified the signature of each one',
    seen.every((one) => one.verified),
    true,
  )
  facts.check(
    'and refused each one with a changed body',
    seen.every((one) => one.forgeryRefused),
    true,
  )
  const events = new Set((await acme.events.list()).items.map((event) => event.id))
  facts.check(
    'each webhook-id was that of an event',
    seen.every((one) => events.has(one.webhookId)),
    true,
  )
  facts.check('it took less than 20 s', elapsed() < 20, true)
  say()
  const verdict = facts.allHold ? green(`All ${facts.count} facts hold.`) : red('Something is wrong: see above.')
  say(`${verdict} ${elapsed().toFixed(1)} s.`)
  return facts.allHold
}

/** Endpoints for the three receivers; each receiver learns its secret. */
async function setUp(sender: WebhookSender, acme: TenantSender, receivers: Receivers, storage: string): Promise<Ids> {
  chapter(`Three receivers in a process of their own, and a sender on ${storage} in this one`)
  const ids: Partial<Ids> = {}
  const secrets: Partial<Ids> = {}
  for (const name of NAMES) {
    const { id, secret } = await acme.endpoints.create({ url: receivers.urls[name], eventTypes: ['invoice.*'] })
    ids[name] = id
    secrets[name] = secret
    tell(`${name.padEnd(10)}  ${receivers.urls[name]}  ${id}`)
  }
  receivers.learn(secrets as Ids)
  const normally = DEFAULTS.retry.delaysMs.map(duration).join(', ')
  tell(`A failed attempt is repeated after ${DELAYS_MS.map(duration).join(', ')}; without options after`)
  tell(`${normally}.`)
  const nameOf = (endpointId: string) => NAMES.find((name) => ids[name] === endpointId) ?? endpointId
  sender.on('attempt', (news) => noteAttempt(nameOf(news.endpointId), labelOf(news), news))
  sender.on('endpoint.disabled', ({ endpointId, reason }) => {
    note(`${nameOf(endpointId).padEnd(10)}  ${red(`disabled: ${reason}`)}`)
  })
  sender.on('error', ({ error, context }) => note(red(`${context}: ${error.message}`)))
  await sender.start()
  return ids as Ids
}

async function oneEvent(acme: TenantSender, receivers: Receivers): Promise<{ duplicate: boolean }> {
  chapter('One event for three endpoints: 200, two failures first, 410')
  receivers.failNext(2)
  const invoice = {
    type: 'invoice.created',
    data: { invoice: 'inv_1', amount: 990 },
    idempotencyKey: 'invoice.created:inv_1',
  }
  const sent = await acme.send(invoice)
  labels.set(sent.id, 'inv_1 created')
  note(`sent ${invoice.type}, kept as ${sent.id}, for ${sent.deliveries} endpoints`)
  const again = await acme.send(invoice)
  note(`sent it again: ${again.duplicate ? 'known by its idempotency key, so nothing was written' : 'NOT recognised'}`)
  await until('the first event rests everywhere, and one endpoint is disabled', async () => {
    const disabled = await acme.endpoints.list({ state: 'disabled' })
    return disabled.items.length === 1 && (await pending(acme)).length === 0
  })
  return { duplicate: again.duplicate && again.id === sent.id }
}

/** One receiver fails for longer than the schedule goes on, one endpoint is paused, one is disabled. */
async function outage(sender: WebhookSender, acme: TenantSender, receivers: Receivers, ids: Ids) {
  chapter('healthy is paused, recovering is down for longer than its retries last')
  receivers.failNext(INVOICES.length * (DELAYS_MS.length + 1))
  await acme.endpoints.pause(ids.healthy, { reason: 'maintenance' })
  for (const invoice of INVOICES) {
    const { id } = await acme.send({ type: 'invoice.paid', data: { invoice, amount: 1_990 } })
    labels.set(id, `${invoice} paid`)
    note(`sent invoice.paid of ${invoice}, kept as ${id}`)
  }
  await until('the retries are used up', async () => {
    const failed = await acme.deliveries.list({ endpointId: ids.recovering, state: 'failed' })
    return failed.items.length === INVOICES.length
  })
  const health = await sender.health()
  const requests = (await receivers.report()).filter((one) => one.receiver === 'healthy').length
  note(`held for the paused and the disabled endpoint: ${health.held} deliveries, which cost nothing`)
  return { requests, held: health.held, pending: health.pending }
}

async function resume(acme: TenantSender, ids: Ids): Promise<number> {
  chapter('healthy is resumed: what was held is delivered')
  const began = performance.now()
  await acme.endpoints.resume(ids.healthy)
  await until('the held deliveries arrive', async () => (await pending(acme, ids.healthy)).length === 0)
  return performance.now() - began
}

/** The gone endpoint's failure stays as it is: its deliveries would be held, not attempted. */
async function replayFailed(acme: TenantSender, receivers: Receivers, ids: Ids): Promise<ReplayProgress | null> {
  chapter('recovering is up again: its failed deliveries are replayed, four a second')
  receivers.failNext(0)
  const selection = { endpointId: ids.recovering, state: 'failed' } as const
  const { total } = await acme.replay(selection, { dryRun: true })
  note(`a dry run counts ${total}`)
  const run = await acme.replay(selection, { perSecond: 4 })
  let last: ReplayProgress | null = null
  for await (const progress of run.progress()) {
    const { state, requeued, delivered, failed } = progress
    note(`replay ${state}: ${requeued} of ${progress.total} requeued, ${delivered} delivered, ${failed} failed`)
    last = progress
  }
  return last
}

/** Each retry of the first round came no earlier than the schedule says. */
function keepsSchedule(attempts: Attempt[]): boolean {
  return attempts.every((attempt, index) => {
    const before = attempts[index - 1]
    if (before === undefined || attempt.round !== before.round) return true
    return attempt.startedAt.getTime() - before.startedAt.getTime() >= (DELAYS_MS[index - 1] ?? 0)
  })
}

/** Deliveries that are not at rest, of one endpoint or of all. */
async function pending(acme: TenantSender, endpointId?: string): Promise<Delivery[]> {
  const selection = endpointId === undefined ? {} : { endpointId }
  return (await acme.deliveries.list({ ...selection, state: ['pending', 'leased'] })).items
}

async function until(what: string, done: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + LONGEST_WAIT_MS
  while (!(await done())) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`)
    await sleep(25)
  }
}

function duration(ms: number): string {
  if (ms < 60_000) return `${ms / 1_000} s`
  return ms < 3_600_000 ? `${ms / 60_000} min` : `${ms / 3_600_000} h`
}
