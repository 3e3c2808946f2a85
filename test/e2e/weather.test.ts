import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createWebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { expect, it } from 'vitest'

/**
 * Bad weather stays local: of 1,000 endpoints under 300 events a second, fifty hang to their deadline, and the others' p99 from
 * `send` to delivery stays under 1.5 times what it is without them. Calm and storm take turns, so that the machine's own noise
 * falls on both.
 */
const ENDPOINTS = 1_000
const HANGING = 50
const EVENTS_A_SECOND = 300
const TURN_MS = 3_500
const TURNS = 3
/** Long enough to hold every slot many times over within a turn, if they were to be had. */
const DEADLINE_MS = 2_000

it('fifty hanging endpoints of a thousand do not delay the others', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hookferry-weather-'))
  const child = fork(fileURLToPath(new URL('../support/weather-receiver.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx'],
  })
  const [port] = await once(child, 'message')
  const sender = createWebhookSender({
    storage: sqlite({ path: join(folder, 'webhooks.db') }),
    network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
    attempt: { deadlineMs: DEADLINE_MS },
    retry: { delaysMs: [1_000, 1_000, 1_000, 1_000, 1_000] },
  })
  try {
    for (let index = 0; index < ENDPOINTS; index++) {
      const path = index < HANGING ? 'hang' : 'fine'
      await sender.endpoints.create({ url: `http://127.0.0.1:${port}/${path}/${index}`, eventTypes: [`to.e${index}`] })
    }
    await sender.start()
    const sentAt = new Map<string, number>()
    let latencies: number[] = []
    let delivered = 0
    sender.on('delivery.delivered', ({ eventId }) => {
      const at = sentAt.get(eventId)
      if (at === undefined) return
      latencies.push(performance.now() - at)
      sentAt.delete(eventId)
      delivered += 1
    })
    let next = 0
    const turn = async (weather: 'calm' | 'storm'): Promise<number[]> => {
      child.send(weather)
      await once(child, 'message')
      latencies = []
      const began = performance.now()
      for (let sent = 0; sent < (EVENTS_A_SECOND * TURN_MS) / 1_000; sent++) {
        const due = began + (sent * 1_000) / EVENTS_A_SECOND
        if (due > performance.now()) await new Promise((resolve) => setTimeout(resolve, due - performance.now()))
        const to = next++ % ENDPOINTS
        const id = `evt_${next}`
        if (to >= HANGING) sentAt.set(id, performance.now())
        void sender.send({ id, type: `to.e${to}`, data: { to } })
      }
      await expect.poll(() => sentAt.size, { timeout: 10_000, interval: 10 }).toBe(0)
      return latencies
    }
    await turn('calm')
    const calm: number[] = []
    const storm: number[] = []
    for (let index = 0; index < TURNS; index++) {
      calm.push(...(await turn('calm')))
      storm.push(...(await turn('storm')))
    }
    const figures = { calmP50: q(calm, 0.5), calmP99: q(calm, 0.99), stormP50: q(storm, 0.5), stormP99: q(storm, 0.99) }
    console.info('weather', { ...figures, ratioP99: figures.stormP99 / figures.calmP99, delivered })
    expect(figures.stormP99).toBeLessThan(1.5 * figures.calmP99)
  } finally {
    await sender.stop({ graceMs: 0 })
    child.disconnect()
    await once(child, 'exit')
    rmSync(folder, { recursive: true, force: true })
  }
})

function q(values: number[], share: number): number {
  const sorted = values.sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length * share)] ?? Number.NaN
}
