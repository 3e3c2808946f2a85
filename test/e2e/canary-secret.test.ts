import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { createWebhookSender, hmacHeader, type SecretsKey, standardWebhooks, type WebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LIFECYCLE_NAMES } from '../../src/engine/lifecycle-events.ts'
import { systemClock } from '../../src/runtime/system-clock.ts'
import { fakeResolver } from '../../src/testing/fake-resolver.ts'
import { scriptedTransport } from '../../src/testing/scripted-transport.ts'

/**
 * A planted secret leaves the sender by `create`, `rotateSecret`, `revealSecrets` and as signatures, and by nothing else that
 * anybody can see; a secretsKey by nothing at all, and with one neither is in the database.
 */

const PLANTED = Buffer.from('canary-0123456789-canary-0123456')
const SECRET = `whsec_${PLANTED.toString('base64')}`
const TEXT = Buffer.from('the canary is a text of some bytes')
const OLD = Buffer.from('old-key-canary-old-key-canary-32')
const NEW = Buffer.from('new-key-canary-new-key-canary-32')

/** How somebody could come upon these bytes: in any writing, whole or the better part of it. */
function formsOf(bytes: Buffer): string[] {
  const base64 = bytes.toString('base64').replace(/=+$/, '')
  const hex = bytes.toString('hex')
  const forms = [bytes.toString('latin1'), base64, bytes.toString('base64url'), encodeURIComponent(base64), hex]
  const shown = [hex.toUpperCase(), hex.replace(/..(?=.)/g, '$& '), [...bytes].join(', '), [...bytes].join(',')]
  return [...forms, ...shown, base64.slice(0, 24), encodeURIComponent(bytes.toString('latin1'))]
}

/** The bytes of a written secret. */
const bytesOf = (secret: string) => Buffer.from(secret.slice(secret.indexOf('_') + 1), 'base64')

function expectNowhere(text: string, canaries: Iterable<Buffer>): void {
  for (const canary of canaries) {
    for (const form of formsOf(canary)) expect(text.includes(form), `${form} is in what can be seen`).toBe(false)
  }
}

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hookferry-'))
})
let sender: WebhookSender
afterEach(async () => {
  await sender.stop({ graceMs: 0 })
  rmSync(folder, { recursive: true, force: true })
})

/** Database, WAL and shared memory, byte for byte. */
const filesOf = () => readdirSync(folder).map((name) => readFileSync(join(folder, name)).toString('latin1'))

/** A sender whose every word is kept, whose customers fail and whose host's functions throw. */
function open(seen: unknown[], secretsKey: SecretsKey | null): WebhookSender {
  const throwing = (...asked: unknown[]) => {
    seen.push(asked)
    throw new Error('undecided')
  }
  const transport = scriptedTransport(systemClock(), (request, index) => {
    seen.push(request)
    return index % 2 === 0 ? 500 : 410
  })
  sender = createWebhookSender({
    storage: sqlite({ path: join(folder, 'webhooks.db') }),
    transport,
    logger: pino({ level: 'trace' }, { write: (line) => seen.push(line) }),
    signing: [standardWebhooks(), hmacHeader({ header: 'x-sig', prefix: '{id}', separator: ' ' })],
    retry: { delaysMs: [10], jitter: 0, decide: throwing },
    disable: { decide: throwing },
    runtime: { resolve: fakeResolver() },
    ...(secretsKey === null ? {} : { secretsKey }),
  })
  for (const name of LIFECYCLE_NAMES) sender.on(name, throwing)
  return sender
}

/** Every call there is, right and wrong. Returns the secrets that came by those who may return them. */
async function everything(seen: unknown[]): Promise<Set<string>> {
  const { endpoints, events, deliveries, replays } = sender
  const url = 'https://a.example/'
  const told = new Set<string>()
  const call = async (calling: () => unknown) => {
    try {
      seen.push(await calling())
    } catch (error) {
      seen.push(error)
    }
  }
  /** Keeps what may be returned out of what is seen, and all the rest of it in. */
  const secretly = async (calling: () => Promise<{ secret: string }>) => {
    const { secret, ...rest } = await calling()
    told.add(secret)
    seen.push(rest)
    return rest as { id?: string }
  }
  const { id = '' } = await secretly(() => endpoints.create({ url, secret: SECRET }))
  await secretly(() => endpoints.create({ url, secret: { bytes: TEXT }, signing: ['x-sig'] }))
  for (const wrong of [
    SECRET.slice(0, 12),
    `${SECRET}!`,
    SECRET.slice(6),
    PLANTED.toString('hex'),
    PLANTED.toString(),
  ]) {
    await call(() => endpoints.create({ url, secret: wrong }))
    await call(() => endpoints.rotateSecret(id, { secret: wrong }))
  }
  await call(() => endpoints.create({ url, secret: { bytes: PLANTED.subarray(0, 12) } }))
  await call(() => endpoints.create({ url: 'ftp://a.example/', secret: SECRET }))
  await call(() => endpoints.update(id, { secret: SECRET } as object))
  await secretly(() => endpoints.rotateSecret(id))
  await secretly(() => endpoints.rotateSecret(id, { overlapMs: 60_000 }))
  for (const { secret } of (await endpoints.revealSecrets(id)).secrets) told.add(secret)
  await call(() => endpoints.update(id, { description: 'new', signing: ['standard-webhooks'] }))
  await call(() => endpoints.update(id, { signing: null }))
  await call(() => endpoints.pause(id))
  await call(() => endpoints.resume(id))
  await call(() => endpoints.test(id))
  const event = await sender.send({ type: 'a', data: 1 })
  await call(() => sender.drain({ until: new Date(Date.now() + 1_000) }))
  await call(() => events.get(event.id))
  await call(() => events.explain(event.id))
  await call(() => events.wait(event.id, { timeoutMs: 100 }))
  await call(() => events.cancel(event.id))
  await call(() => sender.replay({ endpointId: id }))
  await call(() => sender.backfill({ endpointId: id }))
  await call(() => replays.list())
  await call(() => endpoints.enable(id))
  await call(() => sender.resealSecrets())
  await call(() => sender.start())
  await call(() => sender.health())
  await call(() => endpoints.get(id))
  await call(() => endpoints.list())
  await call(() => events.list())
  const { items } = await deliveries.list()
  for (const { id: delivery } of items) await call(() => deliveries.attempts(delivery))
  seen.push(items, sender)
  return told
}

const seenAs = (seen: unknown[]) =>
  inspect(seen, { depth: null, maxArrayLength: null, maxStringLength: null, showHidden: true })

describe.each([
  ['without a key', null],
  ['with a key', OLD],
  ['with a key in base64', OLD.toString('base64')],
  ['with a key in hex', OLD.toString('hex')],
])('%s', (_given, secretsKey) => {
  it('neither a secret nor a key is in any list, event, log, error, request or attempt', async () => {
    const seen: unknown[] = []
    open(seen, secretsKey)
    const told = await everything(seen)
    expect(told.size).toBe(4)
    expect(seen.length).toBeGreaterThan(60)
    const text = seenAs(seen)
    expect(text).toContain('webhook-signature')
    expect(text).toContain('endpoint.secret_rotated')
    expectNowhere(text, [...[...told].map(bytesOf), PLANTED, TEXT, OLD])
  })
})

describe('in the database, its WAL and whatever lies beside it', () => {
  it('there is no secret and no key, nor after the key was changed', async () => {
    const seen: unknown[] = []
    open(seen, OLD)
    const told = await everything(seen)
    const canaries = [...[...told].map(bytesOf), PLANTED, TEXT, OLD, NEW]
    expect(filesOf().length).toBeGreaterThan(1)
    for (const file of filesOf()) expectNowhere(file, canaries)
    await sender.stop({ graceMs: 0 })
    open(seen, [NEW, OLD])
    expect(await sender.resealSecrets()).toEqual({ examined: 2, resealed: 2 })
    for (const file of filesOf()) expectNowhere(file, canaries)
    await sender.stop({ graceMs: 0 })
    open(seen, NEW)
    const { items } = await sender.endpoints.list()
    for (const { id } of items) await sender.endpoints.rotateSecret(id, { overlapMs: 0 })
    await sender.stop({ graceMs: 0 })
    for (const file of filesOf()) expectNowhere(file, canaries)
    expectNowhere(seenAs(seen), canaries)
  })

  it('there are secrets without a key: this test would see them', async () => {
    open([], null)
    await sender.endpoints.create({ url: 'https://a.example/', secret: SECRET })
    expect(() => expectNowhere(filesOf().join(), [PLANTED])).toThrow(/is in what can be seen/)
  })
})

it('a key that is refused is not in the message, nor is one that does not fit', async () => {
  const seen: unknown[] = []
  const wrong = [OLD.subarray(0, 31), `${OLD.toString('base64')}x`, OLD.toString(), [OLD.toString('hex').slice(1)]]
  for (const secretsKey of wrong) {
    try {
      open(seen, secretsKey)
    } catch (error) {
      seen.push(error)
    }
  }
  expect(seen).toHaveLength(wrong.length)
  open(seen, OLD)
  await sender.endpoints.create({ url: 'https://a.example/', secret: SECRET })
  await sender.stop({ graceMs: 0 })
  for (const key of [randomBytes(32), NEW, null]) {
    open(seen, key)
    await sender.start().catch((error: unknown) => seen.push(error))
    await sender.stop({ graceMs: 0 })
  }
  expect(seenAs(seen)).toContain('secrets_key_unknown')
  expectNowhere(seenAs(seen), [OLD, NEW, PLANTED])
})
