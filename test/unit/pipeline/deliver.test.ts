import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AttemptEnds } from '../../../src/engine/attempt-ends.ts'
import type { AttemptRecord } from '../../../src/model/attempt.ts'
import { type DeliverInput, type DeliverPorts, deliver } from '../../../src/pipeline/deliver.ts'
import type { ManualClock } from '../../../src/ports/clock.ts'
import type { TransportFailure } from '../../../src/ports/transport.ts'
import { fakeResolver } from '../../../src/testing/fake-resolver.ts'
import { manualClock } from '../../../src/testing/manual-clock.ts'
import { type ScriptedTransport, scriptedTransport } from '../../../src/testing/scripted-transport.ts'

const PUBLIC = '93.184.215.14'
const limits = {
  deadlineMs: 15_000,
  connectMs: 5_000,
  responseBodyMaxBytes: 100,
  successBodyMaxBytes: 10,
  responseHeadersMaxBytes: 1_000,
}

let clock: ManualClock
let transport: ScriptedTransport
let ends: AttemptEnds
let ports: DeliverPorts
const unhandled: unknown[] = []
const onUnhandled = (reason: unknown) => unhandled.push(reason)

beforeEach(() => {
  clock = manualClock()
  transport = scriptedTransport(clock)
  ends = new AttemptEnds(clock)
  ports = {
    clock,
    watch: (deadlineMs, end) => ends.watch(deadlineMs, end),
    transport,
    resolve: fakeResolver(),
    target: (url) => ({ host: new URL(url).hostname, literal: null }),
    judge: (address) => (address.startsWith('10.') ? 'private' : null),
  }
  process.on('unhandledRejection', onUnhandled)
})

afterEach(async () => {
  await turns()
  process.off('unhandledRejection', onUnhandled)
  expect(unhandled.splice(0)).toEqual([])
  // Whatever happened: no timer left.
  expect(clock.nextTimerAt()).toBeNull()
})

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}

const input = (more: Partial<DeliverInput> = {}): DeliverInput => ({
  number: 3,
  round: 2,
  url: 'https://example.com/hooks',
  headers: { 'webhook-id': 'evt_1' },
  body: new TextEncoder().encode('{}'),
  limits,
  allowRanges: [],
  ...more,
})

/** Begins an attempt, lets `ms` pass after it has come as far as it comes, and waits for its end. */
async function attempt(ms = 0, meanwhile: () => void = () => {}): Promise<AttemptRecord> {
  const running = deliver(input(), ports)
  await turns()
  meanwhile()
  clock.advanceBy(ms)
  return running
}

const hang = () => new Promise<never>(() => {})
const rejection = (error: unknown) => async () => {
  throw error
}

const failing = (more: Partial<TransportFailure>): TransportFailure => ({
  transportFailure: true,
  phase: 'connect',
  reason: null,
  connectTimedOut: false,
  message: 'failed',
  status: null,
  headers: {},
  body: null,
  remoteAddress: null,
  timings: { connectMs: null, tlsMs: null, headersMs: null, bodyMs: null },
  ...more,
})

describe('an answer', () => {
  it('of 200 to 299 is delivered, 410 is gone, anything else is rejected', async () => {
    const outcomes: Record<number, string> = { 410: 'gone' }
    for (const status of [199, 200, 204, 299, 300, 301, 302, 307, 400, 404, 410, 429, 500, 503, 599]) {
      transport.reply(status)
      const { outcome, error } = await attempt()
      const expected = status >= 200 && status <= 299 ? 'delivered' : (outcomes[status] ?? 'rejected')
      expect({ status, outcome, error }).toEqual({ status, outcome: expected, error: null })
    }
  })

  it('is recorded whole', async () => {
    transport.reply({ status: 500, headers: { 'retry-after': '5' }, body: 'no', delayMs: 40 })
    expect(await attempt(40)).toEqual({
      number: 3,
      round: 2,
      url: 'https://example.com/hooks',
      startedAt: Date.UTC(2026, 0, 1),
      durationMs: 40,
      outcome: 'rejected',
      status: 500,
      requestHeaders: { 'webhook-id': 'evt_1' },
      responseHeaders: { 'retry-after': '5' },
      responseBody: new TextEncoder().encode('no'),
      remoteAddress: PUBLIC,
      timings: { dnsMs: 0, connectMs: null, tlsMs: null, headersMs: 0, bodyMs: 0 },
      error: null,
    })
  })

  it('is asked for with the addresses that were checked, the limits and the exact bytes', async () => {
    const seen: unknown[] = []
    const bytes = input()
    ports.transport = {
      ...transport,
      send: (request) => {
        seen.push({ ...request, signal: request.signal.aborted })
        return transport.send(request)
      },
    }
    await deliver(bytes, ports)
    expect(seen).toEqual([
      {
        url: bytes.url,
        addresses: [{ address: PUBLIC, family: 4 }],
        headers: bytes.headers,
        body: bytes.body,
        connectMs: 5_000,
        responseBodyMaxBytes: 100,
        successBodyMaxBytes: 10,
        responseHeadersMaxBytes: 1_000,
        signal: false,
      },
    ])
  })
})

describe('a failed connection', () => {
  it.each(['dns', 'refused', 'unreachable', 'reset', 'tls', 'protocol', 'other'] as const)('tells %s', async (fail) => {
    transport.reply({ fail, phase: 'tls' })
    const { outcome, error, status } = await attempt()
    expect(outcome).toBe('connection_failed')
    expect(error).toEqual({ phase: 'tls', reason: fail, message: `scripted: ${fail}` })
    expect(status).toBeNull()
  })

  it('whose connecting took too long is timed out', async () => {
    const spent = { connectMs: 5_000, tlsMs: null, headersMs: null, bodyMs: null }
    const message = 'no connection within 5000 ms'
    const failure = failing({ phase: 'connect', connectTimedOut: true, message, timings: spent })
    ports.transport = { ...transport, send: rejection(failure) }
    const { outcome, error, timings } = await attempt()
    expect({ outcome, error }).toEqual({
      outcome: 'timed_out',
      error: { phase: 'connect', reason: null, message: 'no connection within 5000 ms' },
    })
    expect(timings?.connectMs).toBe(5_000)
  })

  it('keeps what had come of the response', async () => {
    const head = { status: 200, headers: { a: '1' }, body: Uint8Array.of(1), remoteAddress: PUBLIC }
    const failure = failing({ phase: 'body', reason: 'reset', ...head })
    ports.transport = { ...transport, send: rejection(failure) }
    expect(await attempt()).toMatchObject({
      outcome: 'connection_failed',
      status: 200,
      responseHeaders: { a: '1' },
      responseBody: Uint8Array.of(1),
      remoteAddress: PUBLIC,
    })
  })
})

describe('never throws', () => {
  const thrown = [new Error('boom'), 'text', undefined, null, 7, Symbol('s'), Object.create(null), { message: 1 }]

  it.each(thrown.map((value, index) => [index, value]))('whatever a transport rejects with (%i)', async (_, value) => {
    ports.transport = { ...transport, send: rejection(value) }
    const { outcome, error } = await attempt()
    expect({ outcome, reason: error?.reason }).toEqual({ outcome: 'connection_failed', reason: 'other' })
    expect(typeof error?.message).toBe('string')
  })

  it.each(thrown.map((value, index) => [index, value]))('whatever a resolver rejects with (%i)', async (_, value) => {
    ports.resolve = rejection(value)
    expect(await attempt()).toMatchObject({ outcome: 'connection_failed', error: { phase: 'dns', reason: 'dns' } })
  })

  it('when a port throws instead of rejecting', async () => {
    const boom = () => {
      throw new Error('at once')
    }
    ports.transport = { ...transport, send: boom }
    expect(await attempt()).toMatchObject({ outcome: 'connection_failed' })
    ports.resolve = boom
    expect(await attempt()).toMatchObject({ outcome: 'connection_failed', error: { reason: 'dns' } })
  })

  it('and keeps a message short', async () => {
    ports.transport = { ...transport, send: rejection(new Error('x'.repeat(5_000))) }
    expect((await attempt()).error?.message).toHaveLength(500)
  })
})

describe('the deadline', () => {
  it('covers a name that nobody answers', async () => {
    ports.resolve = fakeResolver({ 'example.com': 'hang' })
    const record = await attempt(15_000)
    expect(record).toMatchObject({ outcome: 'timed_out', durationMs: 15_000, error: { phase: 'dns' }, status: null })
    expect(transport.requests).toHaveLength(0)
  })

  it('covers a resolver that ignores its signal', async () => {
    ports.resolve = hang
    expect(await attempt(15_100)).toMatchObject({ outcome: 'timed_out', durationMs: 15_100, error: { phase: 'dns' } })
  })

  it('covers a receiver that never answers', async () => {
    transport.reply('hang')
    const record = await attempt(15_000)
    expect(record).toMatchObject({ outcome: 'timed_out', durationMs: 15_000, error: { phase: 'headers' } })
  })

  it('covers a transport that ignores its signal, and what it says later is nobody’s', async () => {
    let reject: (error: Error) => void = () => {}
    const send = () =>
      new Promise<never>((_, no) => {
        reject = no
      })
    ports.transport = { ...transport, send }
    expect(await attempt(15_100)).toMatchObject({ outcome: 'timed_out', error: { phase: 'connect' } })
    reject(new Error('too late'))
  })

  it('does not come early', async () => {
    transport.reply({ status: 200, delayMs: 14_999 })
    expect(await attempt(14_999)).toMatchObject({ outcome: 'delivered', durationMs: 14_999 })
  })

  it('covers what is left after a slow name', async () => {
    ports.resolve = async (host, options) => {
      await new Promise<void>((resolve) => clock.after(10_000, resolve))
      return fakeResolver()(host, options)
    }
    transport.reply({ status: 200, delayMs: 10_000 })
    const running = deliver(input(), ports)
    await turns()
    clock.advanceBy(10_000)
    await turns()
    clock.advanceBy(5_000)
    const record = await running
    expect(record).toMatchObject({ outcome: 'timed_out', durationMs: 15_000, timings: { dnsMs: 10_000 } })
    clock.advanceBy(10_000)
  })
})

describe('our shutdown', () => {
  it('aborts what is in flight, whether or not the transport obeys', async () => {
    transport.reply('hang')
    expect(await attempt(0, () => ends.shutDown())).toMatchObject({ outcome: 'aborted', durationMs: 0 })
    ports.transport = { ...transport, send: hang }
    ends = new AttemptEnds(clock)
    expect(await attempt(100, () => ends.shutDown())).toMatchObject({ outcome: 'aborted', durationMs: 100 })
  })

  it('that came before makes no request', async () => {
    ends.shutDown()
    expect(await attempt()).toMatchObject({ outcome: 'aborted', status: null })
    expect(transport.requests).toHaveLength(0)
  })

  it('does not undo an answer that is there', async () => {
    const record = await attempt()
    ends.shutDown()
    expect(record.outcome).toBe('delivered')
  })
})

describe('a forbidden address', () => {
  const blocked = { outcome: 'blocked', status: null, error: { reason: null } }

  it('as a literal is blocked, without resolving', async () => {
    ports.target = () => ({ host: '10.0.0.1', literal: { address: '10.0.0.1', family: 4 } })
    ports.resolve = rejection(new Error('never asked'))
    expect(await attempt()).toMatchObject(blocked)
  })

  it('as an answer is blocked, be it one of many', async () => {
    const many = [...Array.from({ length: 20 }, (_, index) => `93.184.215.${index}`), '10.9.9.9']
    for (const answer of [['10.0.0.1'], ['93.184.215.14', '10.0.0.1'], ['10.0.0.1', '93.184.215.14'], many]) {
      ports.resolve = fakeResolver({ 'example.com': answer })
      expect(await attempt()).toMatchObject(blocked)
    }
    expect(transport.requests).toHaveLength(0)
  })

  it('that the socket was connected to all the same is blocked, and its answer dropped', async () => {
    const send: typeof transport.send = async (request) => ({
      ...(await transport.send(request)),
      remoteAddress: '10.0.0.1',
    })
    transport.reply({ status: 200, body: 'secret' })
    ports.transport = { ...transport, send }
    const record = await attempt()
    expect(record).toMatchObject({ outcome: 'blocked', error: { phase: 'connect' } })
    expect(record).toMatchObject({ status: null, responseBody: null })
  })

  it('or URL that is refused by now is blocked with the reason', async () => {
    ports.target = () => {
      throw new Error('uses http')
    }
    expect(await attempt()).toMatchObject({ ...blocked, error: { phase: 'dns', message: 'uses http' } })
  })
})

describe('a name', () => {
  const unresolved = { outcome: 'connection_failed', error: { phase: 'dns', reason: 'dns' } }

  it.each([0, 65, 1_000])('with %i addresses is a failed resolution', async (count) => {
    const addresses = Array.from({ length: count }, () => PUBLIC)
    ports.resolve = fakeResolver({ 'example.com': addresses })
    expect(await attempt()).toMatchObject(unresolved)
    expect(transport.requests).toHaveLength(0)
    // Sixty-four are taken.
    ports.resolve = fakeResolver({ 'example.com': Array.from({ length: 64 }, () => PUBLIC) })
    expect(await attempt()).toMatchObject({ outcome: 'delivered' })
  })

  it('that does not exist tells so', async () => {
    ports.resolve = fakeResolver({ 'example.com': new Error('ENOTFOUND') })
    expect(await attempt()).toMatchObject({ ...unresolved, error: { message: expect.stringContaining('ENOTFOUND') } })
  })
})
