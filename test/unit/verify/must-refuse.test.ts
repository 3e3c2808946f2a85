import { verify } from 'hookferry/verify'
import nacl from 'tweetnacl'
import { describe, expect, it } from 'vitest'
import { A_V1, A_V1A, A_V1A_PUBLIC, ANOTHER_V1 } from '../signing/vectors.ts'
import { byHand, ENVELOPE, mac, NOW, SECONDS, signed, verdict } from './requests.ts'

/** Each trap that a verifier of this scheme has fallen into, and a few that none should. */

const { headers, body } = signed()
const withHeaders = (more: Record<string, unknown>) => ({ headers: { ...headers, ...more } as never, body })
const withSignature = (signature: string) => withHeaders({ 'webhook-signature': signature })
const right = headers['webhook-signature']

it('the request that the cases below start from passes', async () => {
  expect(await verdict({ headers, body })).toBe('passed')
})

describe('a header', () => {
  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])('%s that is missing or empty', async (name) => {
    expect(await verdict(withHeaders({ [name]: undefined }))).toBe('header_missing')
    expect(await verdict(withHeaders({ [name]: '' }))).toBe('header_missing')
    expect(await verdict(withHeaders({ [name]: [] }))).toBe('header_invalid')
  })

  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const)('%s given twice', async (name) => {
    const value = headers[name]
    expect(await verdict(withHeaders({ [name]: [value, value] }))).toBe('header_invalid')
    expect(await verdict(withHeaders({ [name.toUpperCase()]: value }))).toBe('header_invalid')
    const joined = new Headers(headers)
    joined.append(name, value)
    // Joined by a comma the first signature is none any more; id and timestamp are no valid values.
    expect(await verdict({ headers: joined, body })).not.toBe(
      name === 'webhook-signature' ? 'header_invalid' : 'passed',
    )
  })

  it('that is no string', async () => {
    for (const value of [7, null, true, {}, Symbol('id')]) {
      expect(await verdict(withHeaders({ 'webhook-id': value }))).toBe('header_invalid')
    }
  })
})

describe('a timestamp, although its MAC is right', () => {
  it.each([
    `${SECONDS}.5`,
    `${SECONDS}abc`,
    `${SECONDS} `,
    ` ${SECONDS}`,
    `+${SECONDS}`,
    `-${SECONDS}`,
    '1.7e9',
    '0x6553F100',
    'NaN',
    'Infinity',
    '٠١٢٣٤٥٦٧٨٩',
    '2023-11-14T22:13:20Z',
    '9'.repeat(13),
  ])('%j', async (timestamp) => {
    expect(await verdict(byHand('evt_1', timestamp))).toBe('header_invalid')
  })
})

describe('the tolerance', () => {
  it('is 300 s either side: at it a request passes, one second beyond it does not', async () => {
    const at = (seconds: number) => verdict(signed(ENVELOPE, { seconds: SECONDS + seconds }))
    expect(await at(-300)).toBe('passed')
    expect(await at(-301)).toBe('timestamp_too_old')
    expect(await at(300)).toBe('passed')
    expect(await at(301)).toBe('timestamp_too_new')
  })

  it('is what toleranceMs says, in whole seconds of either clock', async () => {
    const at = (ms: number, toleranceMs: number) =>
      verdict(signed(), A_V1, { toleranceMs, now: () => SECONDS * 1_000 + ms })
    expect(await at(999, 0)).toBe('passed')
    expect(await at(1_000, 0)).toBe('timestamp_too_old')
    expect(await at(-1, 0)).toBe('timestamp_too_new')
    expect(await at(2_999, 2_000)).toBe('passed')
    expect(await at(3_000, 2_000)).toBe('timestamp_too_old')
    expect(await at(86_400_000, 86_400_000)).toBe('passed')
  })

  it('counts from the clock of the system, if none is given', async () => {
    const now = Math.floor(Date.now() / 1_000)
    expect(await verdict(signed(ENVELOPE, { seconds: now - 200 }), A_V1, { now: undefined } as never)).toBe('passed')
    expect(await verdict(signed(ENVELOPE, { seconds: now - 400 }), A_V1, { now: undefined } as never)).toBe(
      'timestamp_too_old',
    )
  })
})

describe('a signature', () => {
  it('that is bare, as of CVE-2024-21491, or cut off anywhere', async () => {
    for (let length = 1; length < right.length; length++) {
      expect(await verdict(withSignature(right.slice(0, length))), right.slice(0, length)).toBe('signature_mismatch')
    }
    for (const bare of ['v1,', 'v1, v1,', 'v1a,', ',', ' ', 'v1', 'v1,=', 'v1,====']) {
      expect(await verdict(withSignature(bare)), bare).toBe('signature_mismatch')
      expect(await verdict(withSignature(bare), A_V1A_PUBLIC), bare).toBe('signature_mismatch')
    }
  })

  it('that is longer than one, or written in another way', async () => {
    const base64 = right.slice('v1,'.length)
    const hex = Buffer.from(base64, 'base64').toString('hex')
    const url = mac('evt_1', `${SECONDS}`, ENVELOPE).replaceAll('+', '-').replaceAll('/', '_').replace('=', '')
    for (const other of [`${base64}AAAA`, `${base64}=`, `${base64},x`, `=${base64}`, hex, url, `\t${base64}`]) {
      expect(await verdict(withSignature(`v1,${other}`)), other).toBe('signature_mismatch')
    }
    // The last character of 32 bytes holds two bits that mean nothing.
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
    const next = alphabet[alphabet.indexOf(base64.at(-2)!) + 1]
    expect(Buffer.from(`${base64.slice(0, -2)}${next}=`, 'base64').toString('base64')).toBe(base64)
    expect(await verdict(withSignature(`v1,${base64.slice(0, -2)}${next}=`))).toBe('signature_mismatch')
  })

  it('whose MAC is right, under the name of another version', async () => {
    const base64 = right.slice('v1,'.length)
    for (const version of ['v2', 'V1', 'v1a', 'v11', 'v', '', 'v1 ', 'v1;', 'toString', '__proto__']) {
      expect(await verdict(withSignature(`${version},${base64}`)), version).toBe('signature_mismatch')
    }
    expect(await verdict(withSignature(base64))).toBe('signature_mismatch')
    expect(await verdict(withSignature(right.replace(',', '.')))).toBe('signature_mismatch')
  })

  it('of Ed25519 that is right, under the name of v1; and a MAC under v1a', async () => {
    const ed25519 = signed(ENVELOPE, { secrets: [A_V1A] }).headers['webhook-signature']
    expect(await verdict(withSignature(ed25519), A_V1A_PUBLIC)).toBe('passed')
    const asV1 = ed25519.replace('v1a,', 'v1,')
    const asV1a = right.replace('v1,', 'v1a,')
    for (const secret of [A_V1, A_V1A_PUBLIC, [A_V1, A_V1A_PUBLIC]]) {
      expect(await verdict(withSignature(asV1), secret)).toBe('signature_mismatch')
      expect(await verdict(withSignature(asV1a), secret)).toBe('signature_mismatch')
    }
  })

  it('by the public key of v1a, taken as an HMAC key', async () => {
    const key = `whsec_${A_V1A_PUBLIC.slice('whpk_'.length)}`
    const forged = signed(ENVELOPE, { secrets: [key] }).headers['webhook-signature']
    expect(await verdict(withSignature(forged), key)).toBe('passed')
    expect(await verdict(withSignature(forged), A_V1A_PUBLIC)).toBe('signature_mismatch')
    expect(await verdict(withSignature(forged.replace('v1,', 'v1a,')), A_V1A_PUBLIC)).toBe('signature_mismatch')
  })

  it('of Ed25519 in its second form, with the order of the group added', async () => {
    const request = signed(ENVELOPE, { secrets: [A_V1A] })
    const bytes = Buffer.from(request.headers['webhook-signature'].slice('v1a,'.length), 'base64')
    const order = 2n ** 252n + 27742317777372353535851937790883648493n
    const scalar = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString('hex')}`) + order
    Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex').reverse().copy(bytes, 32)
    const content = Buffer.from(`evt_1.${SECONDS}.${ENVELOPE}`)
    const publicKey = Buffer.from(A_V1A_PUBLIC.slice('whpk_'.length), 'base64')
    expect(nacl.sign.detached.verify(content, bytes, publicKey), 'tweetnacl takes it').toBe(true)
    expect(await verdict(withSignature(`v1a,${bytes.toString('base64')}`), A_V1A_PUBLIC)).toBe('signature_mismatch')
  })

  it('by another secret', async () => {
    expect(await verdict({ headers, body }, ANOTHER_V1)).toBe('signature_mismatch')
    const { publicKey } = nacl.sign.keyPair()
    const request = signed(ENVELOPE, { secrets: [A_V1A] })
    expect(await verdict(request, `whpk_${Buffer.from(publicKey).toString('base64')}`)).toBe('signature_mismatch')
  })

  it('in a header beyond its bounds, even if the right one is there', async () => {
    expect(await verdict(withSignature(`${'v9,x '.repeat(31)}${right}`))).toBe('passed')
    expect(await verdict(withSignature(`${'v9,x '.repeat(32)}${right}`))).toBe('header_invalid')
    const long = `v9,${'x'.repeat(4_096)}`
    expect(await verdict(withSignature(`${right} ${long}`.slice(0, 4_096)))).toBe('passed')
    expect(await verdict(withSignature(`${right} ${long}`.slice(0, 4_097)))).toBe('header_invalid')
  })

  it('of Ed25519 behind more others than are tried, over all keys', async () => {
    const request = signed(ENVELOPE, { secrets: [A_V1A] })
    const fit = request.headers['webhook-signature']
    const other = `v1a,${Buffer.alloc(64).toString('base64')} `
    expect(await verdict(withSignature(other.repeat(7) + fit), A_V1A_PUBLIC)).toBe('passed')
    expect(await verdict(withSignature(other.repeat(8) + fit), A_V1A_PUBLIC)).toBe('signature_mismatch')
    const keys = [...Array(7).fill(`whpk_${Buffer.alloc(32, 1).toString('base64')}`), A_V1A_PUBLIC]
    expect(await verdict(withSignature(fit), keys)).toBe('passed')
    expect(await verdict(withSignature(other + fit), keys)).toBe('signature_mismatch')
  })
})

describe('an id', () => {
  it('with a dot, by which a signature would fit another id, timestamp and body', async () => {
    const request = signed(`${SECONDS}.rest of the body`, { id: 'evt_1', seconds: SECONDS - 1 })
    expect(await verdict(request)).toBe('passed')
    const split = { ...request.headers, 'webhook-id': `evt_1.${SECONDS - 1}`, 'webhook-timestamp': `${SECONDS}` }
    expect(await verdict({ headers: split, body: 'rest of the body' })).toBe('header_invalid')
  })

  it.each(['a.b', '.', 'a b', 'a\n', 'é', 'a\u0000', 'x'.repeat(257)])('%j, although its MAC is right', async (id) => {
    expect(await verdict(byHand(id, `${SECONDS}`))).toBe('header_invalid')
  })

  it('other than the one signed', async () => {
    expect(await verdict(withHeaders({ 'webhook-id': 'evt_2' }))).toBe('signature_mismatch')
  })
})

describe('a body', () => {
  it('that was parsed and written again, or decoded and lost a byte', async () => {
    const spaced = signed('{"type": "a",  "data": 1.0}')
    const again = JSON.stringify(JSON.parse('{"type": "a",  "data": 1.0}'))
    expect(await verdict({ ...spaced, body: again })).toBe('signature_mismatch')
    const broken = signed(new Uint8Array([0xff]))
    expect(await verdict(broken)).toBe('passed')
    expect(await verdict({ ...broken, body: new Uint8Array([0xfe]) })).toBe('signature_mismatch')
    expect(await verdict({ ...broken, body: Buffer.from([0xff]).toString() })).toBe('signature_mismatch')
  })

  it('with a BOM before it, or without its own', async () => {
    expect(await verdict({ headers, body: `\u{feff}${ENVELOPE}` })).toBe('signature_mismatch')
    const withBom = signed(`\u{feff}${ENVELOPE}`)
    expect(await verdict(withBom)).toBe('passed')
    expect(await verdict({ ...withBom, body: ENVELOPE })).toBe('signature_mismatch')
  })

  it('with one byte more, or fewer', async () => {
    expect(await verdict({ headers, body: `${ENVELOPE}\n` })).toBe('signature_mismatch')
    expect(await verdict({ headers, body: ENVELOPE.slice(0, -1) })).toBe('signature_mismatch')
    expect(await verdict({ headers, body: '' })).toBe('signature_mismatch')
  })

  it.each([
    ['parsed', JSON.parse(ENVELOPE)],
    ['missing', undefined],
    ['null', null],
    ['a number', 7],
    ['an array of bytes', [1, 2]],
    ['a stream', new Blob([ENVELOPE]).stream()],
  ])('that is %s: the message says how to keep the raw one', async (_, wrong) => {
    expect(await verdict({ headers, body: wrong as never })).toBe('body_unreadable')
    const message = verify({ headers, body: wrong as never }, A_V1, { now: () => NOW })
    await expect(message).rejects.toThrow(/keep the raw body.*express\.raw/)
  })
})
