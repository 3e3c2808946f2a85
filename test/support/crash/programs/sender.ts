/** A host: accepts and delivers, on a database file that others may share, and is killed, stopped or starved. */
import { rmSync } from 'node:fs'
import { setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { createWebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { nodeFetchTransport } from 'hookferry/transports/node-fetch'
import type { Load, SenderCommand, SenderConfig } from '../messages.ts'
import { LoopProbe } from './loop-probe.ts'
import { limitPages } from './page-limit.ts'
import { config, onCommand, report } from './report.ts'
import { Traps } from './traps.ts'

const given = config<SenderConfig>()
const liftLimit = limitPages(given.pagesMax)
const traps = new Traps(given)
const sender = createWebhookSender({
  ...given.options,
  storage: traps.storage(sqlite({ path: given.path, thread: given.thread ?? false })),
  transport: traps.transport(nodeFetchTransport()),
})
const loop = new LoopProbe()

sender.on('delivery.delivered', ({ eventId, attempts }) => report({ is: 'delivered', eventId, attempts }))
sender.on('delivery.failed', ({ eventId, attempts, reason }) => report({ is: 'failed', eventId, attempts, reason }))
sender.on('error', ({ error, context }) => {
  report({ is: 'error', context, code: (error as { code?: string }).code ?? null, message: error.message })
})

type Event = Parameters<typeof sender.send>[0]

async function send(event: Event): Promise<void> {
  const from = Date.now()
  try {
    const { id, deliveries } = await sender.send(event)
    report({ is: 'accepted', id, deliveries, from, at: Date.now() })
  } catch (error) {
    const { code = 'none', message } = error as { code?: string; message: string }
    report({ is: 'refused', id: event.id ?? null, code, message })
  }
}

/** Half for three endpoints, half for two; some for a little later, so that there is always something to claim. */
function order(n: number): Event {
  const event = { type: n % 2 === 0 ? 'order.paid' : 'order.made', data: { n, pid: process.pid } }
  return n % 4 === 3 ? { ...event, deliverAt: new Date(Date.now() + 20) } : event
}

async function load({ burst, wide }: Load): Promise<void> {
  let n = 0
  const orders = (count: number) => Promise.all(Array.from({ length: count }, () => send(order(n++))))
  const wides = Array.from({ length: wide }, () => send({ tenant: 'wide', type: 'news.flash', data: {} }))
  while (n < burst) await orders(3)
  await Promise.all(wides)
  for (;;) {
    await sleep(10)
    await orders(1)
  }
}

async function pour({ prefix, type, perTurn, everyMs, turns, bytes }: Extract<SenderCommand, { do: 'pour' }>) {
  const filler = 'x'.repeat(bytes)
  const sends: Promise<void>[] = []
  for (let turn = 0; turn < turns; turn++) {
    for (let n = 0; n < perTurn; n++)
      sends.push(send({ id: `${prefix}_${turn}_${n}`, type, data: { turn, n, filler } }))
    await sleep(everyMs)
  }
  await Promise.all(sends)
  report({ is: 'poured' })
}

/** What is measured is our own doing, not that others of this machine had their turn; without the right to it, as it is. */
function preferMe(): void {
  try {
    setPriority(-10)
  } catch {}
}

onCommand<SenderCommand>(async (command) => {
  switch (command.do) {
    case 'trap':
      traps.set(command.trap)
      break
    case 'send':
      await Promise.all(command.events.map((event) => send(event as Event)))
      break
    case 'pour':
      await pour(command)
      break
    case 'watch':
      preferMe()
      loop.start()
      traps.longest = { ms: 0, name: '' }
      break
    case 'figures': {
      const { ms: callMs, name: call } = traps.longest
      const { inFlight } = await sender.health()
      report({
        is: 'figures',
        loopMs: loop.longestMs,
        loopLong: loop.long,
        callMs,
        call,
        attempts: traps.attempts,
        inFlight,
      })
      break
    }
    case 'drain': {
      const { nextDueAt } = await sender.drain({ until: new Date(Date.now() + 30_000) })
      report({ is: 'drained', nextDueAt: nextDueAt?.getTime() ?? null })
      break
    }
    case 'go':
      await live()
      break
    case 'room':
      liftLimit()
      if (given.ballast !== undefined) rmSync(given.ballast)
      break
    case 'stop':
      await sender.stop()
      report({ is: 'stopped' })
      process.disconnect()
      break
  }
})

async function live(): Promise<void> {
  if (given.start) await sender.start()
  else await sender.health()
  report({ is: 'up', pid: process.pid })
  if (given.load !== undefined) await load(given.load)
}

if (given.waits === true) report({ is: 'ready' })
else await live()
