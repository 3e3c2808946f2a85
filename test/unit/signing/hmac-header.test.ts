import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type HmacHeaderOptions, hmacHeader } from '../../../src/signing/hmac-header.ts'
import { A_V1, A_V1A, ANOTHER_V1, GITHUB } from './vectors.ts'

const utf8 = (text: string) => new TextEncoder().encode(text)
const written = (key: Uint8Array | string) => `whsec_${Buffer.from(key).toString('base64')}`
const KEY = Buffer.from(A_V1.slice(6), 'base64')
const ANOTHER_KEY = Buffer.from(ANOTHER_V1.slice(6), 'base64')
const body = utf8('{"a":1}')
const input = { id: 'evt_1', timestampSeconds: 1_700_000_000, body, secrets: [A_V1] }

const headersOf = (options: HmacHeaderOptions, more: object = {}) => hmacHeader(options).sign({ ...input, ...more })
const hmac = (
  key: Uint8Array,
  content: Uint8Array | string,
  algorithm = 'sha256',
  encoding: 'hex' | 'base64' = 'hex',
) => createHmac(algorithm, key).update(content).digest(encoding)

describe('the forms that others have made known', () => {
  it("GitHub's, by its own example", () => {
    const scheme = hmacHeader({ header: 'X-Hub-Signature-256', prefix: 'sha256=' })
    const secrets = [written(GITHUB.secret)]
    expect(scheme.sign({ ...input, secrets, body: utf8(GITHUB.body) })).toEqual({
      'x-hub-signature-256': GITHUB.signature,
    })
  })

  it("Shopify's", () => {
    expect(headersOf({ header: 'X-Shopify-Hmac-SHA256', encoding: 'base64' })).toEqual({
      'x-shopify-hmac-sha256': hmac(KEY, body, 'sha256', 'base64'),
    })
  })

  it("Stripe's", () => {
    const stripe = { header: 'Stripe-Signature', prefix: 't={timestamp},v1=', content: '{timestamp}.{body}' }
    expect(headersOf(stripe)).toEqual({
      'stripe-signature': `t=1700000000,v1=${hmac(KEY, '1700000000.{"a":1}')}`,
    })
  })
})

describe('algorithms', () => {
  it.each(['sha1', 'sha256', 'sha512'] as const)('%s', (algorithm) => {
    expect(headersOf({ header: 'X-Sig', algorithm })).toEqual({ 'x-sig': hmac(KEY, body, algorithm) })
  })
})

describe('templates', () => {
  it('fill in id, timestamp and body, each as often as it stands there, and leave other braces alone', () => {
    const content = '{"{id}":{timestamp}|{body}{}{body}}'
    const prefix = 'v0:{id}:{timestamp} {'
    expect(headersOf({ header: 'X-Sig', content, prefix })).toEqual({
      'x-sig': `v0:evt_1:1700000000 {${hmac(KEY, '{"evt_1":1700000000|{"a":1}{}{"a":1}}')}`,
    })
  })

  it('fill in bytes, never text: ff and fe, both no UTF-8, differ', () => {
    const signed = (byte: number) => headersOf({ header: 'X-Sig', content: '{body}' }, { body: Uint8Array.of(byte) })
    expect(signed(0xff)).not.toEqual(signed(0xfe))
    expect(signed(0xff)).toEqual({ 'x-sig': hmac(KEY, Uint8Array.of(0xff)) })
  })

  it('are not filled in twice: a body that holds a placeholder is signed as it is', () => {
    expect(headersOf({ header: 'X-Sig' }, { body: utf8('{id}') })).toEqual({ 'x-sig': hmac(KEY, '{id}') })
  })
})

describe('several secrets in force', () => {
  const secrets = [A_V1, ANOTHER_V1]

  it('a header with room for one is signed by the oldest, until that expires', () => {
    expect(headersOf({ header: 'X-Sig' }, { secrets })).toEqual({ 'x-sig': hmac(ANOTHER_KEY, body) })
    expect(headersOf({ header: 'X-Sig' })).toEqual({ 'x-sig': hmac(KEY, body) })
  })

  it('with a separator all of them sign, newest first', () => {
    const header = headersOf({ header: 'X-Sig', prefix: 't={timestamp},v1=', separator: ',v1=' }, { secrets })
    expect(header).toEqual({ 'x-sig': `t=1700000000,v1=${hmac(KEY, body)},v1=${hmac(ANOTHER_KEY, body)}` })
  })

  it('those of another kind are left to other schemes', () => {
    expect(headersOf({ header: 'X-Sig' }, { secrets: [A_V1, A_V1A] })).toEqual({ 'x-sig': hmac(KEY, body) })
    const unsigned = (secrets: string[]) => () => headersOf({ header: 'X-Sig' }, { secrets })
    for (const none of [[], [A_V1A]]) {
      expect(unsigned(none)).toThrow(expect.objectContaining({ code: 'endpoint_state_invalid' }))
    }
  })
})

it.each([8, 23, 65, 256])('takes a key of %d bytes', (size) => {
  const key = Buffer.alloc(size, 7)
  expect(headersOf({ header: 'X-Sig' }, { secrets: [written(key)] })).toEqual({ 'x-sig': hmac(key, body) })
})

it('is named after its header, in lower case', () => {
  expect(hmacHeader({ header: 'X-Acme-Signature' })).toMatchObject({
    name: 'x-acme-signature',
    headers: ['x-acme-signature'],
  })
})

it('puts no secret into its header', () => {
  for (const options of [
    { header: 'X-Sig' },
    { header: 'X-Sig', prefix: 'constructor' },
    { header: 'X-Sig', prefix: 'x{id}', separator: ' ' },
  ]) {
    const text = JSON.stringify(headersOf(options, { secrets: [A_V1, ANOTHER_V1] }))
    for (const key of [KEY, ANOTHER_KEY]) {
      for (const form of ['hex', 'base64', 'base64url'] as const) expect(text).not.toContain(key.toString(form))
    }
  }
})
