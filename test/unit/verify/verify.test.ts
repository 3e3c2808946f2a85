import { verify } from 'hookferry/verify'
import { describe, expect, it } from 'vitest'
import { A_V1, A_V1A, A_V1A_PUBLIC, ANOTHER_V1, VECTORS } from '../signing/vectors.ts'
import { ENVELOPE, NOW, SECONDS, signed, verdict } from './requests.ts'

const now = () => NOW

describe('the published vectors', () => {
  it.each(VECTORS)('$name', async ({ secret, id, timestamp, body, signature }) => {
    const headers = { 'webhook-id': id, 'webhook-timestamp': `${timestamp}`, 'webhook-signature': signature }
    const event = await verify({ headers, body }, secret, { now: () => timestamp * 1_000 })
    expect(event).toEqual({
      id,
      timestamp: new Date(timestamp * 1_000),
      body: new Uint8Array(Buffer.from(body)),
      type: null,
      occurredAt: null,
      data: null,
    })
  })

  it('v1a by its public key', async () => {
    const [, , { id, timestamp, body, signature } = VECTORS[0]!] = VECTORS
    const headers = { 'webhook-id': id, 'webhook-timestamp': `${timestamp}`, 'webhook-signature': signature }
    const event = await verify({ headers, body }, A_V1A_PUBLIC, { now: () => timestamp * 1_000 })
    expect(event.id).toBe(id)
  })
})

describe('during a rotation', () => {
  it('one right signature among several is enough, wherever it stands', async () => {
    const both = signed(ENVELOPE, { secrets: [ANOTHER_V1, A_V1] })
    for (const secret of [A_V1, ANOTHER_V1]) expect(await verdict(both, secret)).toBe('passed')
    const { headers, body } = signed()
    const wrong = `v1,${Buffer.alloc(32).toString('base64')}`
    for (const signature of [
      `${wrong} ${headers['webhook-signature']}`,
      `${headers['webhook-signature']} ${wrong}`,
      `v1, v2,abc v1a,${Buffer.alloc(64).toString('base64')} ${headers['webhook-signature']} nonsense`,
    ]) {
      expect(await verdict({ headers: { ...headers, 'webhook-signature': signature }, body })).toBe('passed')
    }
  })

  it('one right secret among several is enough, of either kind', async () => {
    expect(await verdict(signed(), [ANOTHER_V1, A_V1])).toBe('passed')
    expect(await verdict(signed(), [A_V1A_PUBLIC, A_V1])).toBe('passed')
    expect(await verdict(signed(ENVELOPE, { secrets: [A_V1A] }), [A_V1, A_V1A_PUBLIC])).toBe('passed')
    expect(await verdict(signed(ENVELOPE, { secrets: [A_V1A, A_V1] }), [ANOTHER_V1, A_V1A_PUBLIC])).toBe('passed')
    expect(await verdict(signed(), [ANOTHER_V1, A_V1A_PUBLIC])).toBe('signature_mismatch')
  })
})

describe('what comes back', () => {
  it('of an envelope: what happened, when, and the data', async () => {
    const { headers, body } = signed()
    expect(await verify({ headers, body }, A_V1, { now })).toEqual({
      id: 'evt_1',
      timestamp: new Date(SECONDS * 1_000),
      body: new Uint8Array(body),
      type: 'invoice.paid',
      occurredAt: new Date('2023-11-14T22:13:20.000Z'),
      data: { amount: 990 },
    })
  })

  it('of an empty body: nothing but the body', async () => {
    const event = await verify(signed(''), A_V1, { now })
    expect(event).toMatchObject({ id: 'evt_1', type: null, occurredAt: null, data: null })
    expect(event.body.byteLength).toBe(0)
  })

  it('is a copy of the bytes that were verified, whatever becomes of the buffer that was given', async () => {
    const { headers, body } = signed()
    const buffer = new Uint8Array(body)
    const event = await verify({ headers, body: buffer }, A_V1, { now })
    buffer.fill(0)
    expect(Buffer.from(event.body).toString()).toBe(ENVELOPE)
  })
})

describe('options', () => {
  it.each([
    ['toleranceMs', -1],
    ['toleranceMs', 1.5],
    ['toleranceMs', Number.NaN],
    ['toleranceMs', Number.POSITIVE_INFINITY],
    ['toleranceMs', '300000'],
    ['now', NOW],
    ['now', new Date()],
    ['now', () => Number.NaN],
    ['now', () => new Date()],
    ['now', () => undefined],
    ['tolerance', 300],
  ])('%s: %s is refused', async (name, value) => {
    const options = { now, [name]: value }
    await expect(verify(signed(), A_V1, options as never)).rejects.toMatchObject({
      name: 'ArgumentError',
      path: `options.${name}`,
    })
  })

  it('that are no object are refused', async () => {
    await expect(verify(signed(), A_V1, null as never)).rejects.toMatchObject({
      name: 'ArgumentError',
      path: 'options',
    })
    await expect(verify(signed(), A_V1, 300 as never)).rejects.toMatchObject({ name: 'ArgumentError', path: 'options' })
  })
})

describe('a refusal', () => {
  it('holds neither a secret nor a signature that would have fit', async () => {
    const right = signed().headers['webhook-signature']
    const { headers, body } = signed(ENVELOPE, { secrets: [ANOTHER_V1] })
    const refused: Error = await verify({ headers, body }, A_V1, { now }).then(
      () => expect.fail('passed'),
      (error) => error,
    )
    const told = `${refused} ${refused.stack} ${JSON.stringify(refused)}`
    for (const hidden of [A_V1, A_V1.slice('whsec_'.length), right.slice('v1,'.length)]) {
      expect(told).not.toContain(hidden)
      expect(told).not.toContain(Buffer.from(hidden, 'base64').toString('hex'))
    }
  })

  it('says what to answer: whose fault it is', async () => {
    const answer = (input: unknown, secret: string, options = { now }) =>
      verify(input as never, secret, options).catch((error) => error.statusCode)
    const { headers, body } = signed()
    expect(await answer({ headers: {}, body }, A_V1)).toBe(400)
    expect(await answer({ headers: { ...headers, 'webhook-id': 'a.b' }, body }, A_V1)).toBe(400)
    expect(await answer({ headers, body }, A_V1, { now: () => 0 })).toBe(400)
    expect(await answer({ headers, body }, A_V1, { now: () => NOW * 2 })).toBe(400)
    expect(await answer({ headers, body }, ANOTHER_V1)).toBe(400)
    expect(await answer({ headers, body }, '')).toBe(500)
    expect(await answer({ headers, body: {} }, A_V1)).toBe(500)
  })

  it('says when the secret is for another version than the signatures', async () => {
    const { headers, body } = signed(ENVELOPE, { secrets: [A_V1A] })
    await expect(verify({ headers, body }, A_V1, { now })).rejects.toThrow('no whole v1 signature')
    await expect(verify(signed(), A_V1A_PUBLIC, { now })).rejects.toThrow('no whole v1a signature')
    await expect(verify(signed(), ANOTHER_V1, { now })).rejects.toThrow('byte for byte')
  })
})
