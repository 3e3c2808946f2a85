import fc from 'fast-check'
import * as v from 'valibot'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { type Catalog, defineEvents, event, type SchemaResult, type StandardSchema } from '../../../src/catalog.ts'
import type { SenderOptions } from '../../../src/options.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { quiet, type Rig, rig, stopAll, through, URL_OK } from '../engine/rig.ts'
import { TX, transactional } from '../engine/transactional.ts'

/** What a sender with a catalogue does when it runs: unknown types, schemas that refuse, change, wait, fail. */

afterEach(stopAll)

/** A schema written by hand. */
function schema<Output>(validate: (value: unknown) => unknown): StandardSchema<unknown, Output> {
  return { '~standard': { version: 1, vendor: 'own', validate: validate as () => SchemaResult<Output> } }
}

/** Given as a plain JavaScript caller would: the types say no to most of these. */
type Send = (event: Record<string, unknown>) => ReturnType<Rig['sender']['send']>
const sendTo = ({ sender }: Rig): Send => sender.send as unknown as Send

const withEvents = (events: Catalog, more: SenderOptions = {}) => rig({ events, ...more })

/** What was stored and would be sent: `data` of the envelope. */
async function stored({ sender }: Rig, id: string): Promise<unknown> {
  const kept = await sender.events.get(id)
  return JSON.parse(new TextDecoder().decode(kept?.body)).data
}

async function eventsIn({ sender }: Rig): Promise<number> {
  return (await sender.events.list()).items.length
}

async function refusal(call: Promise<unknown>): Promise<Record<string, unknown> & { message: string }> {
  return call.then(
    () => expect.unreachable('it was not refused'),
    (error) => error,
  )
}

describe('a type that the catalogue does not have', () => {
  const events = defineEvents({
    'invoice.paid': event(),
    'invoice.payment_failed': event(),
    'user.created': event(),
    'user.deleted': event(),
    constructor: event(),
    zzz: event(),
  })

  it.each([
    ['invoice.payed', /near it are invoice\.paid/],
    ['Invoice.Paid', /near it are invoice\.paid/],
    ['invoices.paid', /near it are invoice\.paid/],
    ['user_created', /near it are user\.created/],
    ['q', /it has invoice\.paid, invoice\.payment_failed, user\.created, user\.deleted, constructor and 1 more\./],
    ['toString', /the catalogue has no type toString/],
    ['__proto__', /the catalogue has no type __proto__/],
  ])('%s', async (type, says) => {
    const made = withEvents(events)
    const error = await refusal(sendTo(made)({ type, data: 1 }))
    expect(error.code).toBe('event_invalid')
    expect(error.message).toMatch(says)
    expect(await eventsIn(made)).toBe(0)
  })

  it('is refused as a raw body too, under forTenant, and by sendIn', async () => {
    const made = withEvents(events, { storage: transactional() })
    const raw = { type: 'nonesuch', body: new Uint8Array(1), contentType: 'text/plain' }
    const { sender } = made
    for (const call of [sender.send(raw), sender.forTenant('acme').send(raw)]) {
      expect(await refusal(call)).toMatchObject({ code: 'event_invalid' })
    }
    const sendIn = sender.sendIn as unknown as (tx: unknown, event: unknown) => Promise<unknown>
    expect(await refusal(sendIn(TX, raw))).toMatchObject({ code: 'event_invalid' })
    expect(await eventsIn(made)).toBe(0)
  })

  it('is told in a message of bounded length, however many there are', async () => {
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`${'x'.repeat(100)}.n${i}`, event()]))
    const error = await refusal(sendTo(withEvents(defineEvents(many)))({ type: 'x'.repeat(128), data: 1 }))
    expect(error.message.length).toBeLessThan(1_000)
  })

  it('passes where no names are known', async () => {
    const made = withEvents(defineEvents<{ 'invoice.paid': number }>())
    await sendTo(made)({ type: 'anything.else', data: 1 })
    expect(await eventsIn(made)).toBe(1)
  })
})

describe('the schema’s output', () => {
  const inputs = { name: ' Ada ', born: '1815-12-10' }
  const expected = { name: 'Ada', born: '1815-12-10T00:00:00.000Z', plan: 'free' }
  const byHand = schema<object>((value) => {
    const { name, born } = value as typeof inputs
    return { value: { name: name.trim(), born: new Date(born), plan: 'free' } }
  })
  it.each<[string, StandardSchema]>([
    ['zod', z.object({ name: z.string().trim(), born: z.coerce.date(), plan: z.string().default('free') })],
    [
      'valibot',
      v.object({
        name: v.pipe(v.string(), v.trim()),
        born: v.pipe(
          v.string(),
          v.transform((text) => new Date(text)),
        ),
        plan: v.optional(v.string(), 'free'),
      }),
    ],
    ['a schema written by hand', byHand],
    ['a schema that answers later', schema(async (value) => byHand['~standard'].validate(value))],
  ])('is what is sent: %s', async (_name, by) => {
    const made = withEvents(defineEvents({ 'user.created': event(by) }))
    await made.sender.endpoints.create({ url: URL_OK })
    const { id } = await sendTo(made)({ type: 'user.created', data: inputs })
    expect(await stored(made, id)).toEqual(expected)
    await made.sender.drain()
    expect(made.requests[0]?.json).toMatchObject({ type: 'user.created', data: expected })
    expect(inputs).toEqual({ name: ' Ada ', born: '1815-12-10' })
  })

  it('is what is sent, whatever it is', async () => {
    const made = withEvents(defineEvents({ a: event(schema((value) => ({ value: [value, { more: [value] }] }))) }))
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ noUnicodeString: true }), async (data) => {
        const { id } = await sendTo(made)({ type: 'a', data })
        const plain = JSON.parse(JSON.stringify(data))
        expect(await stored(made, id)).toEqual([plain, { more: [plain] }])
      }),
      { numRuns: 200 },
    )
  })

  it('counts against the largest body, the input does not', async () => {
    const events = defineEvents({
      long: event(z.string().transform((text) => text.length)),
      short: event(z.string().transform((text) => text.repeat(100))),
    })
    const made = withEvents(events, { payloadMaxBytes: 200 })
    await sendTo(made)({ type: 'long', data: 'x'.repeat(1_000) })
    expect(await refusal(sendTo(made)({ type: 'short', data: 'xxx' }))).toMatchObject({ code: 'payload_too_large' })
  })

  it.each<[string, unknown, string]>([
    ['undefined', undefined, 'argument_type'],
    ['a BigInt', { amount: 1n }, 'event_invalid'],
    ['half a surrogate pair', '\ud83d', 'event_invalid'],
    ['a key __proto__', JSON.parse('{"__proto__":1}'), 'event_invalid'],
  ])('is refused when JSON can not carry it: %s', async (_what, value, code) => {
    const made = withEvents(defineEvents({ a: event(schema(() => ({ value }))) }))
    const error = await refusal(sendTo(made)({ type: 'a', data: 1 }))
    expect(error.code).toBe(code)
    expect(error.message).toMatch(/its schema answers/)
    expect(await eventsIn(made)).toBe(0)
  })

  it('may be made of what JSON can not write', async () => {
    const events = defineEvents({
      a: event(z.map(z.string(), z.bigint()).transform((map) => [...map].map(([key, n]) => `${key}${n}`))),
    })
    const made = withEvents(events)
    const { id } = await sendTo(made)({ type: 'a', data: new Map([['x', 5n]]) })
    expect(await stored(made, id)).toEqual(['x5'])
  })
})

describe('what is not checked', () => {
  it('a raw body, whatever the schema', async () => {
    const made = withEvents(defineEvents({ a: event(schema(() => expect.unreachable())) }))
    const { id } = await made.sender.send({
      type: 'a',
      body: new TextEncoder().encode('<a/>'),
      contentType: 'text/xml',
    })
    expect((await made.sender.events.get(id))?.contentType).toBe('text/xml')
  })

  it('data of a type that is declared without a schema', async () => {
    const made = withEvents(defineEvents({ a: event<{ amount: number }>() }))
    const { id } = await sendTo(made)({ type: 'a', data: 'anything' })
    expect(await stored(made, id)).toBe('anything')
  })
})

describe('data that the schema refuses', () => {
  it.each<[string, StandardSchema, RegExp]>([
    [
      'zod',
      z.object({ email: z.email(), age: z.number().max(150) }),
      /send\.data\.email: Invalid email address; send\.data\.age: Too big/,
    ],
    [
      'valibot',
      v.object({ email: v.pipe(v.string(), v.email()), age: v.pipe(v.number(), v.maxValue(150)) }),
      /send\.data\.email: Invalid email: Received "…"; send\.data\.age: Invalid value: Expected <=150 but received …\./,
    ],
    [
      'a schema written by hand',
      schema((value) => ({
        issues: [{ message: `what is ${(value as { email: string }).email}?`, path: [{ key: 'email' }] }],
      })),
      /send\.data\.email: what is …\?\./,
    ],
    [
      'a schema that answers later',
      schema(async () => ({ issues: [{ message: 'no' }] })),
      /the schema of user\.created refuses send\.data: no\.$/,
    ],
  ])('by %s: path and message, never the value', async (_name, by, says) => {
    const made = withEvents(defineEvents({ 'user.created': event(by) }))
    const data = { email: 'secret-of-a-customer', age: 98_765 }
    const error = await refusal(sendTo(made)({ type: 'user.created', data }))
    expect(error.code).toBe('event_invalid')
    expect(error.message).toMatch(/^the schema of user\.created refuses send\.data/)
    expect(error.message).toMatch(says)
    expect(error.cause).toBeUndefined()
    expect(JSON.stringify([error.message, error.stack, error.cause])).not.toMatch(/secret-of-a-customer|98.?765/)
    expect(await eventsIn(made)).toBe(0)
  })
})

describe('a schema that fails', () => {
  const cause = new Error('cause')
  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw cause
      },
    ],
    ['rejects', () => Promise.reject(cause)],
    [
      'rejects with an error of ours',
      async () => {
        throw Object.assign(new Error(), { code: 'busy', retryable: true })
      },
    ],
    ['answers nothing', () => undefined],
    ['answers text', () => 'fine'],
    ['answers null later', async () => null],
  ])('%s', async (_how, validate) => {
    const made = withEvents(defineEvents({ a: event(schema(validate)) }))
    const error = await refusal(sendTo(made)({ type: 'a', data: 1 }))
    expect(error).toMatchObject({ code: 'event_invalid', retryable: false })
    expect(error.message).toMatch(/the schema of a failed/)
    expect(error.cause).toBeInstanceOf(Error)
    expect(await eventsIn(made)).toBe(0)
  })
})

describe('a schema that does not answer', () => {
  it('is waited for no longer than an accept', async () => {
    const made = withEvents(defineEvents({ a: event(schema(() => new Promise(() => {}))) }), { acceptTimeoutMs: 3_000 })
    const began = made.clock.now()
    const error = await refusal(through(made.clock, sendTo(made)({ type: 'a', data: 1 })))
    expect(error).toMatchObject({ code: 'timed_out', retryable: true })
    expect(made.clock.now() - began).toBe(3_000)
    expect(made.clock.nextTimerAt()).toBeNull()
    expect(await eventsIn(made)).toBe(0)
  })

  it('leaves no timer when it did', async () => {
    const made = withEvents(defineEvents({ a: event(schema(async (value) => ({ value }))) }))
    await sendTo(made)({ type: 'a', data: 1 })
    expect(made.clock.nextTimerAt()).toBeNull()
  })

  it('may reject when nobody waits any more', async () => {
    let reject = (_error: Error): void => {}
    const validate = () =>
      new Promise((_, no) => {
        reject = no
      })
    const made = withEvents(defineEvents({ a: event(schema(validate)) }), { acceptTimeoutMs: 10 })
    await refusal(through(made.clock, sendTo(made)({ type: 'a', data: 1 })))
    reject(new Error('too late'))
    await quiet()
  })

  it('is not sent when the sender was stopped meanwhile', async () => {
    let answer = (_result: unknown): void => {}
    const validate = () =>
      new Promise((yes) => {
        answer = yes
      })
    const made = withEvents(defineEvents({ a: event(schema(validate)) }))
    await made.sender.health()
    const sent = refusal(sendTo(made)({ type: 'a', data: 1 }))
    const stopped = made.sender.stop({ graceMs: 0 })
    await quiet()
    answer({ value: 1 })
    expect(await sent).toMatchObject({ code: 'stopped' })
    await stopped
    expect(made.storage.calls.get('insertEvents')).toBeUndefined()
  })
})

describe('sendIn', () => {
  const answersLater = schema(async (value) => ({ value: { by: 'schema', value } }))
  const sendInOf = (made: Rig) =>
    made.sender.sendIn as unknown as (tx: unknown, event: unknown) => Promise<{ id: string }>

  it('waits for an asynchronous schema where the storage is asynchronous', async () => {
    const made = withEvents(defineEvents({ a: event(answersLater) }), { storage: transactional() })
    const { id } = await sendInOf(made)(TX, { type: 'a', data: 1 })
    expect(await stored(made, id)).toEqual({ by: 'schema', value: 1 })
  })

  it('has checked everything before it touches the transaction', async () => {
    const storage = transactional()
    const touched: unknown[] = []
    const watched = {
      ...storage,
      insertEventIn: (...args: Parameters<typeof storage.insertEventIn>) => {
        touched.push(args)
        return storage.insertEventIn(...args)
      },
    }
    const refusing = [
      schema(() => ({ issues: [{ message: 'no' }] })),
      schema(async () => ({ issues: [] })),
      schema(() => Promise.reject(new Error())),
    ]
    for (const by of refusing) {
      const made = withEvents(defineEvents({ a: event(by) }), { storage: watched })
      expect(await refusal(sendInOf(made)(TX, { type: 'a', data: 1 }))).toMatchObject({ code: 'event_invalid' })
    }
    expect(touched).toEqual([])
  })

  it('does not touch the transaction when the sender was stopped while the schema was asked', async () => {
    let answer = (_result: unknown): void => {}
    const validate = () =>
      new Promise((yes) => {
        answer = yes
      })
    const storage = { ...transactional(), insertEventIn: () => expect.unreachable() }
    const made = withEvents(defineEvents({ a: event(schema(validate)) }), { storage })
    await made.sender.health()
    const sent = refusal(sendInOf(made)(TX, { type: 'a', data: 1 }))
    const stopped = made.sender.stop({ graceMs: 0 })
    await quiet()
    answer({ value: 1 })
    expect(await sent).toMatchObject({ code: 'stopped' })
    await stopped
  })

  it('goes to the transaction within the call where the schema answers at once', () => {
    const storage = transactional()
    let touched = false
    const watched = {
      ...storage,
      insertEventIn: (...args: Parameters<typeof storage.insertEventIn>) => {
        touched = true
        return storage.insertEventIn(...args)
      },
    }
    const made = withEvents(defineEvents({ a: event(z.number()) }), { storage: watched })
    void sendInOf(made)(TX, { type: 'a', data: 1 })
    // So that a COMMIT which the host sends next stands behind it.
    expect(touched).toBe(true)
  })
})

describe('an idempotency key', () => {
  it('stands for what the caller gave, not for what the schema adds to it', async () => {
    let count = 0
    const made = withEvents(defineEvents({ a: event(schema((value) => ({ value: { value, at: count++ } }))) }))
    const send = sendTo(made)
    const first = await send({ type: 'a', data: { x: 1 }, idempotencyKey: 'k' })
    expect(await send({ type: 'a', data: { x: 1 }, idempotencyKey: 'k' })).toMatchObject({
      id: first.id,
      duplicate: true,
    })
    expect(await refusal(send({ type: 'a', data: { x: 2 }, idempotencyKey: 'k' }))).toMatchObject({
      code: 'idempotency_conflict',
    })
    expect(await stored(made, first.id)).toEqual({ value: { x: 1 }, at: 0 })
  })

  it('tells data apart by what is sent, where JSON can not write what was given', async () => {
    const size = schema((value) => ({ value: (value as { items: Set<number> }).items.size }))
    const made = withEvents(defineEvents({ a: event(size), b: event(schema((value) => ({ value: String(value) }))) }))
    const send = sendTo(made)
    const circle = (n: number) => {
      const data: Record<string, unknown> = { items: new Set(Array(n).keys()) }
      data.self = data
      return data
    }
    await send({ type: 'a', data: circle(1), idempotencyKey: 'k' })
    expect(await send({ type: 'a', data: circle(1), idempotencyKey: 'k' })).toMatchObject({ duplicate: true })
    expect(await refusal(send({ type: 'a', data: circle(2), idempotencyKey: 'k' }))).toMatchObject({
      code: 'idempotency_conflict',
    })
    await send({ type: 'b', data: 1n, idempotencyKey: 'n' })
    expect(await refusal(send({ type: 'b', data: 2n, idempotencyKey: 'n' }))).toMatchObject({
      code: 'idempotency_conflict',
    })
  })

  it('tells apart what JSON alone would not', async () => {
    const made = withEvents(defineEvents({ a: event(schema(() => ({ value: 'the same' }))) }))
    const send = sendTo(made)
    const different = [new Map([['a', 1]]), new Map([['a', 2]]), new Set([1]), new Set([2]), 1n, 2n, {}]
    for (const [index, data] of different.entries()) {
      await send({ type: 'a', data, idempotencyKey: `k${index}` })
      for (const other of different.filter((one) => one !== data)) {
        const error = await refusal(send({ type: 'a', data: other, idempotencyKey: `k${index}` }))
        expect(error.code).toBe('idempotency_conflict')
      }
    }
  })

  it('stands for the same call whether a schema was there or not', async () => {
    const storage = transactional()
    // Else both senders make the same ids.
    const otherChance = { runtime: { random: seededRandom(2) } }
    const { id } = await sendTo(rig({ storage }))({ type: 'a', data: { x: 1 }, idempotencyKey: 'k' })
    const made = withEvents(defineEvents({ a: event(z.object({ x: z.number().transform(String) })) }), {
      storage,
      ...otherChance,
    })
    expect(await sendTo(made)({ type: 'a', data: { x: 1 }, idempotencyKey: 'k' })).toMatchObject({
      id,
      duplicate: true,
    })
  })
})

describe('a test of an endpoint', () => {
  it('is held to the catalogue where it names a type, and sends the schema’s output', async () => {
    const made = withEvents(defineEvents({ a: event(z.object({ n: z.number().transform(String) })) }))
    const { endpoints } = made.sender
    const { id } = await endpoints.create({ url: URL_OK })
    expect(await refusal(endpoints.test(id, { type: 'b' }))).toMatchObject({ code: 'event_invalid' })
    const error = await refusal(endpoints.test(id, { type: 'a', data: { n: 'one' } }))
    expect(error.message).toMatch(/^the schema of a refuses endpoints\.test\.data\.n: /)
    await endpoints.test(id, { type: 'a', data: { n: 1 } })
    await endpoints.test(id)
    expect(made.requests.map(({ json }) => json)).toMatchObject([{ data: { n: '1' } }, { type: 'webhook.test' }])
  })
})

describe('patterns of endpoints', () => {
  const events = defineEvents({ 'invoice.paid': event(), 'invoice.payment.failed': event(), ping: event() })
  const at = (path: string) => ({ code: 'argument_invalid', path })

  it.each([['invoice.*'], ['invoice.**'], ['**'], ['*'], ['*.*.failed'], ['ping'], ['invoice.paid', 'ping']])(
    '%s, %s',
    async (...eventTypes) => {
      const { endpoints } = withEvents(events).sender
      const wanted = eventTypes.filter((pattern) => pattern !== undefined)
      const { id } = await endpoints.create({ url: URL_OK, eventTypes: wanted })
      expect(await endpoints.update(id, { eventTypes: wanted })).toMatchObject({ eventTypes: wanted })
      expect(await endpoints.update(id, { eventTypes: null })).toMatchObject({ eventTypes: null })
    },
  )

  it.each(['invoice.payed', 'ping.*', '*.*.*.*', 'invoice.*.paid', 'constructor'])(
    '%s matches nothing: refused',
    async (pattern) => {
      const made = withEvents(events)
      const { endpoints } = made.sender
      const error = await refusal(endpoints.create({ url: URL_OK, eventTypes: ['ping', pattern] }))
      expect(error).toMatchObject(at('endpoints.create.eventTypes[1]'))
      expect(error.message).toMatch(/matches no type of the catalogue: (near it are|it has) \w+/)
      const { id } = await endpoints.create({ url: URL_OK })
      expect(await refusal(endpoints.update(id, { eventTypes: [pattern] }))).toMatchObject(
        at('endpoints.update.eventTypes[0]'),
      )
      expect(
        await refusal(made.sender.forTenant('a').endpoints.create({ url: URL_OK, eventTypes: [pattern] })),
      ).toMatchObject({ code: 'argument_invalid' })
      expect((await endpoints.list()).items).toHaveLength(1)
    },
  )

  it('of an endpoint of before may stay when something else is changed', async () => {
    const storage = transactional()
    const { id } = await rig({ storage }).sender.endpoints.create({ url: URL_OK, eventTypes: ['old.type'] })
    const { endpoints } = withEvents(events, { storage }).sender
    expect(await endpoints.update(id, { description: 'moved' })).toMatchObject({ eventTypes: ['old.type'] })
  })

  it('are any where no names are known', async () => {
    const { endpoints } = withEvents(defineEvents<{ a: number }>()).sender
    await endpoints.create({ url: URL_OK, eventTypes: ['whatever.*'] })
  })
})

describe('a type that was removed from the catalogue', () => {
  it('is found all the same', async () => {
    const storage = transactional()
    const before = rig({ storage })
    await before.sender.endpoints.create({ url: URL_OK })
    await before.sender.send({ type: 'old.type', data: 1 })
    const { sender } = withEvents(defineEvents({ 'new.type': event() }), { storage })
    expect((await sender.events.list({ type: 'old.type' })).items).toHaveLength(1)
    expect((await sender.deliveries.list({ type: 'old.type' })).items).toHaveLength(1)
    expect(await sender.replay({ type: 'old.type' }, { dryRun: true })).toEqual({ total: 0 })
    await sender.drain()
    expect(await sender.replay({ type: 'old.type' }, { dryRun: true })).toEqual({ total: 1 })
  })
})

describe('a catalogue of 10,000 names', () => {
  const names = Array.from({ length: 10_000 }, (_, index) => `area${index % 100}.thing${index}.changed`)
  const events = defineEvents(Object.fromEntries(names.map((name) => [name, event()])))
  afterEach(() => vi.restoreAllMocks())

  it('is taken apart once, however many patterns are compared with it', async () => {
    const { sender } = withEvents(events)
    const split = vi.spyOn(String.prototype, 'split')
    const eventTypes = Array.from({ length: 100 }, (_, index) => `*.thing${9_900 + index}.*`)
    expect(await sender.endpoints.create({ url: URL_OK, eventTypes })).toMatchObject({ eventTypes })
    expect(split.mock.calls.length).toBeLessThan(1_000)
  })

  it('keeps a pattern that is given again once', async () => {
    const { sender } = withEvents(events)
    const eventTypes = [...Array(50).fill('*.thing9999.*'), 'area1.**', '*.thing9999.*']
    const { id, ...made } = await sender.endpoints.create({ url: URL_OK, eventTypes })
    expect(made).toMatchObject({ eventTypes: ['*.thing9999.*', 'area1.**'] })
    const changed = await sender.endpoints.update(id, { eventTypes: ['area1.**', 'area1.**'] })
    expect(changed).toMatchObject({ eventTypes: ['area1.**'] })
  })

  it('is not searched to its end for what may have been meant', async () => {
    const { sender } = withEvents(events)
    const lower = vi.spyOn(String.prototype, 'toLowerCase')
    const error = await refusal(sender.send({ type: 'area0.thing0.changd', data: 1 } as never))
    expect(error.message).toMatch(/near it are area0\.thing0\.changed/)
    expect(lower.mock.calls.length).toBeLessThan(2_000)
  })
})

describe('an answer of a schema that can not be read', () => {
  const throwing = (...names: string[]) =>
    Object.defineProperties(
      {},
      Object.fromEntries(names.map((name) => [name, { enumerable: true, get: () => fail() }])),
    )
  const fail = () => {
    throw new Error('from a getter')
  }
  const proxy = new Proxy({}, { get: fail, has: fail })

  it.each<[string, () => unknown]>([
    ['issues', () => throwing('issues')],
    ['value', () => throwing('value')],
    ['then', () => throwing('then')],
    ['a Proxy', () => proxy],
    ['a Proxy, later', () => Promise.resolve({ issues: [proxy] })],
    ['a path without a prototype', () => ({ issues: [{ message: 'no', path: [Object.create(null)] }] })],
    ['message', () => ({ issues: [throwing('message')] })],
    ['path', () => ({ issues: [throwing('path')] })],
  ])('%s: is a failure of the schema, with its cause', async (_what, answer) => {
    const made = withEvents(defineEvents({ a: event(schema(answer)) }))
    const error = await refusal(sendTo(made)({ type: 'a', data: 1 }))
    expect(error).toMatchObject({ code: 'event_invalid', retryable: false, cause: expect.any(Error) })
    expect(error.message).toMatch(/the schema of a failed instead of answering/)
    expect(await eventsIn(made)).toBe(0)
  })
})
