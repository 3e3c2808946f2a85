import { inspect } from 'node:util'
import type { Logger, Storage } from 'hookferry'
import { memory } from 'hookferry/memory'
import pino from 'pino'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Lifecycle } from '../../../src/engine/lifecycle.ts'
import type { SenderOptions } from '../../../src/options.ts'
import { read, tableOf } from '../../support/docs/markdown.ts'
import { quiet, rig, stopAll, through, URL_OK } from './rig.ts'

afterEach(stopAll)

const HOUR = 3_600_000
const DAY = 24 * HOUR
const CANARY = Buffer.from('canary-0123456789-canary-0123456')
const SECRET = `whsec_${CANARY.toString('base64')}`
const TOKEN = 'token-of-the-customer'
const event = { tenant: 'acme', type: 'invoice.paid', data: { card: 'card-of-the-customer' } }

type Line = Record<string, unknown> & { level: number; msg: string }

/** Real pino, which writes into memory. */
function pinoLines(level = 'trace') {
  const lines: Line[] = []
  const logger = pino({ level }, { write: (text: string) => lines.push(JSON.parse(text)) })
  const of = (what: string) => lines.filter(({ hookferry }) => hookferry === what).map(shown)
  return { logger, lines, of }
}

/** A line without what pino adds. */
function shown({ time: _time, pid: _pid, hostname: _hostname, hookferry: _what, ...line }: Line): object {
  return line
}

/** A storage that has something to say when it is opened. */
function warning(storage: Storage): Storage {
  return Object.assign(Object.create(storage), {
    open: (input: Parameters<Storage['open']>[0]) => {
      input.warn?.('the disk lies.')
      return storage.open(input)
    },
  })
}

const LEVELS: Record<string, number> = { debug: 20, info: 30, warn: 40, error: 50 }

/** A sender with all that may happen to it: everything that the logger is ever told. */
async function liveThrough(options: SenderOptions) {
  const secretsKey = CANARY
  const made = rig({ disable: { afterMs: DAY, minFailures: 3 }, hold: { maxAgeMs: HOUR }, secretsKey, ...options })
  const { sender, transport, clock } = made
  const url = `${URL_OK}?token=${TOKEN}`
  const { id } = await sender.endpoints.create({ tenant: 'acme', url, secret: SECRET, headers: { 'x-key': TOKEN } })
  const { id: eventId } = await sender.send(event)
  await sender.drain()
  await sender.endpoints.update(id, { description: 'changed' })
  await sender.endpoints.rotateSecret(id, { overlapMs: 1 })
  await sender.endpoints.revealSecrets(id)
  clock.advanceBy(1)
  await sender.resealSecrets()
  await sender.endpoints.pause(id, { reason: 'asked for' })
  await sender.send(event)
  clock.advanceBy(2 * HOUR)
  await sender.drain()
  await sender.endpoints.resume(id)
  const { id: replayId } = await sender.replay({ tenant: 'acme', state: 'delivered' })
  transport.reply({ status: 500, headers: { 'x-host': TOKEN }, body: TOKEN })
  await sender.drain({ until: new Date(clock.now() + 3 * DAY) })
  await sender.endpoints.enable(id)
  // What began in the millisecond of its recovery tells nothing of an endpoint.
  clock.advanceBy(1)
  transport.reply(410)
  await sender.send(event)
  await sender.drain()
  made.sender.on('attempt', () => {
    throw new Error('boom')
  })
  await sender.endpoints.enable(id)
  clock.advanceBy(1)
  await sender.send(event)
  const later = await sender.replay({ tenant: 'acme', eventId })
  await later.cancel()
  await sender.events.cancel(eventId)
  await sender.start()
  await quiet()
  await sender.endpoints.delete(id)
  await through(clock, sender.stop({ graceMs: 0 }))
  return { ...made, ids: { eventId, endpointId: id, tenant: 'acme', type: event.type }, replayId, laterId: later.id }
}

describe('pino', () => {
  it('gets each line at its level, with the documented fields', async () => {
    const { logger, lines, of } = pinoLines()
    const { ids, replayId, laterId } = await liveThrough({ logger })
    const kind = 'replay'
    const { eventId, endpointId, tenant, type } = ids
    const endpoint = { endpointId, tenant }
    const deliveryId = expect.stringMatching(/^dlv_/)
    const at = expect.stringMatching(/^\d{4}-\d\d-\d\dT/)
    const worker = expect.stringMatching(/^[0-9A-Z]{16}$/)

    const [delivered, refused] = of('attempt')
    const attempt = { level: 20, msg: 'hookferry: an attempt ended', deliveryId, eventId, endpointId, tenant, type }
    const first = { attempt: 1, round: 1, outcome: 'delivered', status: 200, durationMs: 0, nextAttemptAt: null }
    expect(delivered).toEqual({ ...attempt, ...first })
    const second = { attempt: 2, round: 2, outcome: 'rejected', status: 500, durationMs: 0, nextAttemptAt: at }
    expect(refused).toEqual({ ...attempt, ...second })
    const [failed] = of('delivery.failed')
    const attempts = expect.any(Number)
    const gone = { reason: 'endpoint_gone', attempts, eventId: expect.any(String) }
    const ended = { level: 20, msg: 'hookferry: a delivery failed for good', deliveryId, endpointId, tenant, type }
    expect(failed).toEqual({ ...ended, ...gone })
    const canceled = { deliveryId, eventId: expect.any(String), endpointId, tenant, type, reason: 'hold_expired' }
    expect(of('delivery.canceled')[0]).toEqual({ level: 20, msg: 'hookferry: a delivery was canceled', ...canceled })

    for (const [what, times] of Object.entries({
      created: 1,
      updated: 1,
      paused: 1,
      resumed: 1,
      enabled: 2,
      deleted: 1,
    })) {
      const line = { level: 30, msg: `hookferry: an endpoint was ${what}`, ...endpoint }
      expect(of(`endpoint.${what}`)).toEqual(Array.from({ length: times }, () => line))
    }
    const rotated = { level: 30, msg: 'hookferry: an endpoint was given another secret', ...endpoint }
    expect(of('endpoint.secret_rotated')).toEqual([rotated])
    const revealed = { level: 30, msg: 'hookferry: the secrets of an endpoint were shown', ...endpoint }
    expect(of('endpoint.secrets_revealed')).toEqual([revealed])
    expect(of('secrets.resealed')).toEqual([
      { level: 30, msg: 'hookferry: secrets were sealed with the first key of secretsKey', examined: 1, resealed: 1 },
    ])
    expect(of('replay.created')).toEqual([
      { level: 30, msg: 'hookferry: a replay was created', replayId, kind, tenant, total: 1 },
      { level: 30, msg: 'hookferry: a replay was created', replayId: laterId, kind, tenant, total: 0 },
    ])
    expect(of('replay.canceled')).toEqual([
      { level: 30, msg: 'hookferry: a replay was canceled', replayId: laterId, kind, tenant },
    ])
    expect(of('event.canceled')).toEqual([{ level: 30, msg: 'hookferry: an event was canceled', eventId, tenant }])
    const visited = { level: 30, msg: 'hookferry: a replay has visited all that it selected' }
    expect(of('replay.completed')).toEqual([{ ...visited, replayId, kind, requeued: 1, skipped: 0 }])
    expect(of('sender.started')).toEqual([{ level: 30, msg: 'hookferry: delivering from this process', worker }])
    expect(of('sender.stopped')).toEqual([
      { level: 30, msg: 'hookferry: no longer delivering from this process', worker },
    ])

    const failing = { level: 40, msg: 'hookferry: an endpoint keeps failing', ...endpoint }
    expect(of('endpoint.failing')).toEqual([{ ...failing, failingSince: at, failures: expect.any(Number) }])
    const disabled = { level: 40, msg: 'hookferry: an endpoint was disabled', ...endpoint }
    const reasons = ['failing', 'gone', 'gone']
    expect(of('endpoint.disabled')).toEqual(reasons.map((reason) => ({ ...disabled, reason })))

    const context = "a listener of 'attempt' threw"
    const err = { type: 'Error', message: 'boom', stack: expect.stringContaining('logger.test.ts') }
    expect(of('error')).toEqual([{ level: 50, msg: `hookferry: ${context}`, context, err }])
    expect(lines.filter(({ hookferry }) => hookferry === undefined)).toEqual([])
  })

  it('writes the lines that docs/guides/lifecycle-events.md lists, with those fields', async () => {
    const rows = tableOf(read('docs/guides/lifecycle-events.md'), 'level', 'hookferry', 'fields')
    const documented = rows.map(([level = '', what = '', fields = '']) => {
      const names = fields.startsWith('none') ? [] : fields.replace(/ \([^)]*\)/g, '').split(', ')
      return [what, { level: LEVELS[level], fields: names.sort() }] as const
    })
    const { logger, lines } = pinoLines()
    await liveThrough({ logger })
    const { sender } = rig({ logger, storage: warning(memory()) })
    await sender.health()
    const written = lines.map(({ hookferry, level, msg: _msg, time: _time, pid: _pid, hostname: _host, ...fields }) => {
      return [hookferry, { level, fields: Object.keys(fields).sort() }] as const
    })
    expect(new Map(written)).toEqual(new Map(documented))
  })

  it('holds nothing that is secret or the customer’s, at any level', async () => {
    const { logger, lines } = pinoLines('trace')
    await liveThrough({ logger })
    expect(lines.length).toBeGreaterThan(20)
    const text = inspect(lines, { depth: null, maxArrayLength: null, maxStringLength: null })
    const bare = CANARY.toString('base64').replace(/=+$/, '')
    const secrets = [CANARY.toString(), bare, CANARY.toString('hex'), encodeURIComponent(bare), bare.slice(0, 24)]
    for (const secret of [...secrets, TOKEN, 'card-of-the-customer', 'webhook-signature', 'example.com']) {
      expect(text).not.toContain(secret)
    }
  })

  it('is called on the logger itself: a child keeps its bindings', async () => {
    const { logger, lines } = pinoLines()
    await liveThrough({ logger: logger.child({ service: 'billing' }) })
    expect(lines.length).toBeGreaterThan(20)
    for (const line of lines) expect(line['service']).toBe('billing')
  })

  it('is told nothing below its level, and nothing is made for it', async () => {
    const { logger, lines } = pinoLines('warn')
    let built = 0
    const counting: Logger = new Proxy(logger, {
      get(target, name) {
        if (name === 'debug' || name === 'info') built += 1
        return Reflect.get(target, name)
      },
    })
    await liveThrough({ logger: counting })
    // One look at each method when the option is checked.
    expect(built).toBe(2)
    expect(new Set(lines.map(({ level }) => level))).toEqual(new Set([LEVELS['warn'], LEVELS['error']]))
  })

  it('gets what the storage warns of', async () => {
    const { logger, of } = pinoLines()
    const { sender } = rig({ logger, storage: warning(memory()) })
    await sender.health()
    expect(of('storage.warning')).toEqual([{ level: 40, msg: 'hookferry: the disk lies.' }])
  })
})

describe('any other logger', () => {
  it('fits by its shape', () => {
    const fitting: Logger[] = [pino({ level: 'silent' }), console]
    expect(fitting).toHaveLength(2)
  })

  it('like console gets fields and a message, at every level', async () => {
    const calls: { level: string; given: unknown[] }[] = []
    const method =
      (level: string) =>
      (...given: unknown[]) =>
        calls.push({ level, given })
    const logger = { debug: method('debug'), info: method('info'), warn: method('warn'), error: method('error') }
    await liveThrough({ logger })
    expect(new Set(calls.map(({ level }) => level))).toEqual(new Set(Object.keys(LEVELS)))
    for (const { given } of calls) {
      expect(given).toHaveLength(2)
      expect(given[0]).toMatchObject({ hookferry: expect.any(String) })
      expect(given[1]).toMatch(/^hookferry: /)
    }
  })

  const boom = () => {
    throw new Error('of the logger')
  }
  const bad: Record<string, () => unknown> = {
    throws: boom,
    rejects: async () => boom(),
  }
  it.each(Object.entries(bad))('that %s changes nothing', async (_, method) => {
    const unhandled: unknown[] = []
    const onUnhandled = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', onUnhandled)
    const log = method as () => void
    const logger = { debug: log, info: log, warn: log, error: log, isLevelEnabled: boom }
    const { requests, errors } = await liveThrough({ logger })
    await quiet(5)
    process.off('unhandledRejection', onUnhandled)
    expect(unhandled).toEqual([])
    expect(requests.length).toBeGreaterThan(5)
    // What the listener threw, and nothing of the logger.
    expect(errors.map(({ error }) => error.message)).toEqual(['boom'])
  })

  it.each(['debug', 'info', 'warn', 'error'])('without %s is refused at once', (missing) => {
    const logger = { debug() {}, info() {}, warn() {}, error() {}, [missing]: undefined }
    expect(() => rig({ logger: logger as unknown as Logger })).toThrow(
      expect.objectContaining({
        code: 'argument_type',
        path: 'options.logger',
        message: expect.stringContaining(missing),
      }),
    )
  })
})

it('without a logger and a listener nothing is made for an attempt', async () => {
  const emitted = vi.spyOn(Lifecycle.prototype, 'emit')
  const { sender, transport } = rig({ retry: { delaysMs: [1] } })
  transport.reply((_request, index) => (index < 5 ? 200 : 500))
  await sender.endpoints.create({ url: URL_OK })
  for (let index = 0; index < 10; index++) await sender.send({ type: 'a', data: 1 })
  await sender.drain({ until: '2026-01-02T00:00:00Z' })
  expect(transport.requests).toHaveLength(15)
  expect(emitted).not.toHaveBeenCalled()
  emitted.mockRestore()
})
