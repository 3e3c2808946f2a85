import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Attempt, createWebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { expect, it } from 'vitest'
import * as receivers from '../support/receivers/index.ts'

/**
 * All misbehaving receivers at once, through the whole sender: every attempt ends by its deadline with the outcome that names what
 * happened, no more than the cap is stored, memory stays flat, and an honest endpoint beside them gets its event before any of those
 * that hang has ended.
 */
const DEADLINE_MS = 1_000
/** For a busy machine; without a deadline these receivers hang for ever, or for minutes. */
const LEEWAY_MS = 5_000
const CAP_BYTES = 16 * 1024

type Making = () => Promise<receivers.Receiver>

const cases: Record<string, { receiver: Making; outcome: Attempt['outcome']; reason?: string; status?: number }> = {
  'hung before headers': { receiver: receivers.hungBeforeHeaders, outcome: 'timed_out' },
  'hung in the body': { receiver: receivers.hungInBody, outcome: 'timed_out', status: 200 },
  'a byte every 300 ms': { receiver: receivers.drippingBody, outcome: 'timed_out', status: 200 },
  '1 GB of body': { receiver: () => receivers.hugeBody(), outcome: 'delivered', status: 200 },
  'a gzip bomb': { receiver: () => receivers.gzipBomb(), outcome: 'delivered', status: 200 },
  'reset before headers': { receiver: receivers.resetBeforeHeaders, outcome: 'connection_failed', reason: 'reset' },
  'reset in the body': { receiver: receivers.resetInBody, outcome: 'connection_failed', reason: 'reset', status: 500 },
  'endless headers': { receiver: receivers.endlessHeaders, outcome: 'connection_failed', reason: 'protocol' },
  'not HTTP': { receiver: receivers.badHttp, outcome: 'connection_failed', reason: 'protocol' },
  'a silent TLS handshake': { receiver: receivers.silentTls, outcome: 'timed_out' },
  'a certificate that nobody vouches for': {
    receiver: () => receivers.friendly(receivers.makeCertificates().valid),
    outcome: 'connection_failed',
    reason: 'tls',
  },
}

it('all misbehaving receivers end by their deadline and cost the others nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hookferry-receivers-'))
  const sender = createWebhookSender({
    storage: sqlite({ path: join(folder, 'webhooks.db') }),
    network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
    attempt: { deadlineMs: DEADLINE_MS, connectMs: DEADLINE_MS, responseBodyMaxBytes: CAP_BYTES },
    retry: { delaysMs: [] },
  })
  const honest = await receivers.friendly()
  const running: receivers.Receiver[] = [honest]
  const attempts = new Map<string, Attempt>()
  try {
    const names = new Map<string, string>()
    for (const [name, { receiver: make }] of Object.entries(cases)) {
      const receiver = await make()
      running.push(receiver)
      const { id } = await sender.endpoints.create({ url: `${receiver.url}/hook` })
      names.set(id, name)
    }
    await sender.endpoints.create({ url: `${honest.url}/hook` })
    const before = process.memoryUsage().rss
    await sender.start()
    const ended: string[] = []
    for (const end of ['delivery.delivered', 'delivery.failed'] as const) {
      sender.on(end, ({ endpointId }) => ended.push(names.get(endpointId) ?? 'honest'))
    }
    await sender.send({ type: 'storm', data: 'x' })
    await expect
      .poll(async () => (await sender.deliveries.list({ state: ['pending', 'leased'] })).items.length, {
        timeout: 20_000,
      })
      .toBe(0)
    const grown = process.memoryUsage().rss - before
    const { items } = await sender.deliveries.list()
    for (const delivery of items) {
      const name = names.get(delivery.endpointId)
      const [attempt] = (await sender.deliveries.attempts(delivery.id)).items
      if (name !== undefined && attempt !== undefined) attempts.set(name, attempt)
    }
    await expect.poll(() => ended.length).toBe(running.length)
    const hung = ended.findIndex((name) => cases[name]?.outcome === 'timed_out')
    expect(ended.slice(0, hung)).toContain('honest')
    expect(grown).toBeLessThan(100 * 1024 * 1024)
  } finally {
    await sender.stop({ graceMs: 0 })
    for (const receiver of running) await receiver.close()
    rmSync(folder, { recursive: true, force: true })
  }
  expect([...attempts.keys()].sort()).toEqual(Object.keys(cases).sort())
  for (const [name, { outcome, reason, status }] of Object.entries(cases)) {
    const attempt = attempts.get(name)
    const seen = {
      outcome: attempt?.outcome,
      reason: attempt?.error?.reason ?? undefined,
      status: attempt?.status ?? undefined,
    }
    expect({ name, ...seen }).toEqual({ name, outcome, reason, status })
    expect(attempt?.durationMs).toBeLessThan(DEADLINE_MS + LEEWAY_MS)
    expect(attempt?.responseBody?.byteLength ?? 0).toBeLessThanOrEqual(CAP_BYTES)
  }
})
