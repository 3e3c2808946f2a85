import { createHmac, createPublicKey, verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { generateSecret, publicKeyOf } from '../../../src/signing/secrets.ts'
import { standardWebhooks } from '../../../src/signing/standard-webhooks.ts'
import { A_V1, A_V1A, ANOTHER_V1, VECTORS } from './vectors.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const signatureOf = (secrets: string[], body: Uint8Array) =>
  standardWebhooks().sign({ id: 'evt_1', timestampSeconds: 1_700_000_000, body, secrets })['webhook-signature']

describe('the published vectors', () => {
  for (const { name, secret, id, timestamp, body, signature } of VECTORS) {
    it(name, () => {
      const input = { id, timestampSeconds: timestamp, body: bytes(body), secrets: [secret] }
      expect(standardWebhooks().sign(input)).toEqual({
        'webhook-id': id,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': signature,
      })
    })
  }
})

describe('several secrets', () => {
  it('sign in the order given, separated by one space', () => {
    const both = signatureOf([A_V1, ANOTHER_V1], bytes('{}'))
    expect(both).toBe(`${signatureOf([A_V1], bytes('{}'))} ${signatureOf([ANOTHER_V1], bytes('{}'))}`)
  })

  it('of both kinds may be mixed', () => {
    expect(signatureOf([A_V1A, A_V1], bytes('{}'))).toMatch(/^v1a,[A-Za-z0-9+/]{86}== v1,[A-Za-z0-9+/]{43}=$/)
  })

  it('are left out when their version is not wanted', () => {
    const scheme = standardWebhooks({ versions: ['v1'] })
    const headers = scheme.sign({ id: 'a', timestampSeconds: 1, body: bytes(''), secrets: [A_V1A, A_V1] })
    expect(headers['webhook-signature']).toMatch(/^v1,\S+$/)
  })

  it('that leave nothing to sign with are an error, not an unsigned request', () => {
    const scheme = standardWebhooks({ versions: ['v1'] })
    const unsigned = (secrets: string[]) => () =>
      scheme.sign({ id: 'a', timestampSeconds: 1, body: bytes(''), secrets })
    expect(unsigned([])).toThrow(expect.objectContaining({ code: 'endpoint_state_invalid' }))
    expect(unsigned([A_V1A])).toThrow(expect.objectContaining({ code: 'endpoint_state_invalid' }))
  })
})

describe('sizes of HMAC keys', () => {
  const ofBytes = (size: number) => `whsec_${Buffer.alloc(size, 7).toString('base64')}`

  it.each([24, 64])('%d bytes sign', (size) => {
    expect(signatureOf([ofBytes(size)], bytes('{}'))).toMatch(/^v1,/)
  })

  it.each([8, 23, 65, 256])('%d bytes, of which the specification knows nothing, do not', (size) => {
    expect(() => signatureOf([ofBytes(size)], bytes('{}'))).toThrow(/24 to 64 bytes/)
    expect(signatureOf([A_V1, ofBytes(size)], bytes('{}'))).toBe(signatureOf([A_V1], bytes('{}')))
  })
})

describe('the body', () => {
  it('is signed byte for byte: ff and fe, both no UTF-8, differ', () => {
    const [ff, fe] = [Uint8Array.of(0xff), Uint8Array.of(0xfe)]
    expect(signatureOf([A_V1], ff)).not.toBe(signatureOf([A_V1], fe))
    expect(signatureOf([A_V1A], ff)).not.toBe(signatureOf([A_V1A], fe))
  })

  it('may be a part of a larger buffer', () => {
    const part = bytes('..{"a":1}..').subarray(2, 9)
    expect(signatureOf([A_V1], part)).toBe(signatureOf([A_V1], bytes('{"a":1}')))
  })

  it('may be empty, or begin with a byte order mark, which is signed', () => {
    const key = Buffer.from(A_V1.slice(6), 'base64')
    for (const body of [Uint8Array.of(), Uint8Array.of(0xef, 0xbb, 0xbf, 0x7b, 0x7d)]) {
      const expected = createHmac('sha256', key).update('evt_1.1700000000.').update(body).digest('base64')
      expect(signatureOf([A_V1], body)).toBe(`v1,${expected}`)
    }
  })
})

it('refuses versions that do not exist', () => {
  for (const versions of [[], ['v2'], 'v1']) {
    const options = { versions } as { versions: 'v1'[] }
    expect(() => standardWebhooks(options)).toThrow(expect.objectContaining({ code: 'argument_invalid' }))
  }
})

it('keeps more Ed25519 keys apart than it keeps ready', () => {
  const scheme = standardWebhooks()
  const secrets = Array.from({ length: 1_100 }, (_, index) =>
    generateSecret((size) => new Uint8Array(size).fill(index >> 8, 1).fill(index & 255, 0, 1), 'v1a'),
  )
  const signature = (secret: string) =>
    scheme.sign({ id: 'a', timestampSeconds: 1, body: bytes('{}'), secrets: [secret] })['webhook-signature'] ?? ''
  const first = secrets.map(signature)
  expect(new Set(first).size).toBe(secrets.length)
  // Ed25519 is deterministic: keys made again, and keys kept, sign as before.
  expect(secrets.slice(0, 50).map(signature)).toEqual(first.slice(0, 50))
  expect(secrets.slice(-50).map(signature)).toEqual(first.slice(-50))
})

it('makes v1a signatures that verify with the whpk_ key', () => {
  const x = Buffer.from((publicKeyOf(A_V1A) ?? '').slice(5), 'base64').toString('base64url')
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  const signature = Buffer.from(signatureOf([A_V1A], Uint8Array.of(0xff, 0x00))?.slice(4) ?? '', 'base64')
  const content = Buffer.concat([Buffer.from('evt_1.1700000000.'), Buffer.from([0xff, 0x00])])
  expect(verify(null, content, key, signature)).toBe(true)
})
