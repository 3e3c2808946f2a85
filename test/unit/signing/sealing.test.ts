import { hkdfSync, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import nacl from 'tweetnacl'
import { describe, expect, it } from 'vitest'
import type { EndpointSecret } from '../../../src/model/endpoint.ts'
import { createSealing } from '../../../src/signing/sealing.ts'
import { masterKeysOf } from '../../../src/signing/secrets-key.ts'
import { A_V1, A_V1A, ANOTHER_V1 } from './vectors.ts'

const NOW = 1_700_000_000_000
const [K1, K2, K3] = [1, 2, 3].map((fill) => new Uint8Array(32).fill(fill)) as [Uint8Array, Uint8Array, Uint8Array]
const sealing = (...keys: Uint8Array[]) => createSealing(keys, randomBytes)
const secret = (value: string, more: Partial<EndpointSecret> = {}): EndpointSecret => ({
  value,
  createdAt: 0,
  expiresAt: null,
  ...more,
})
/** What one stored value opens to, or the code of what it throws. */
const opened = (keys: Uint8Array[], value: string, id = 'ep_1'): string => {
  try {
    return sealing(...keys).open({ id, secrets: [secret(value)] }, NOW)[0]?.value ?? ''
  } catch (error) {
    return (error as { code: string }).code
  }
}

const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/)

describe('without a key', () => {
  it('secrets are stored as they are, and opened as they are', () => {
    const plain = sealing()
    expect(plain.active).toBe(false)
    expect(plain.seal(A_V1, 'ep_1')).toBe(A_V1)
    expect(plain.isCurrent(A_V1)).toBe(true)
    expect(opened([], A_V1)).toBe(A_V1)
  })

  it('a sealed one is not opened, and the message says which key is needed', () => {
    const stored = sealing(K1).seal(A_V1, 'ep_1')
    const keyId = stored.split('.')[1]
    expect(opened([], stored)).toBe('secrets_key_unknown')
    expect(() => sealing().open({ id: 'ep_1', secrets: [secret(stored)] }, NOW)).toThrow(
      new RegExp(`ep_1 is sealed under the key ${keyId}, which is not given`),
    )
  })
})

describe('with a key', () => {
  it('any secret comes back from any endpoint’s row, under a key that is among those given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), id, key, fc.array(key, { maxLength: 3 }), (text, id, key, others) => {
        const stored = sealing(key).seal(`whsec_${text}`, id)
        expect(stored).toMatch(/^sealed1\.[0-9a-f]{12}\.[A-Za-z0-9+/]+=*$/)
        expect(opened([...others, key], stored, id)).toBe(`whsec_${text}`)
      }),
    )
  })

  it('is the secretbox of tweetnacl under HKDF-SHA256 of the master key and the endpoint’s id', () => {
    fc.assert(
      fc.property(key, id, fc.uint8Array({ minLength: 24, maxLength: 24 }), (key, id, nonce) => {
        const [, keyId, sealed = ''] = createSealing([key], () => nonce)
          .seal(A_V1, id)
          .split('.')
        const boxKey = new Uint8Array(hkdfSync('sha256', key, '', `hookferry secret of ${id}`, 32))
        const box = nacl.secretbox(new TextEncoder().encode(A_V1), nonce, boxKey)
        expect(Buffer.from(sealed, 'base64')).toEqual(Buffer.concat([nonce, box]))
        expect(keyId).toBe(Buffer.from(hkdfSync('sha256', key, '', 'hookferry key id', 6)).toString('hex'))
      }),
    )
  })

  it('does not open in the row of another endpoint', () => {
    fc.assert(
      fc.property(key, id, id, (key, from, to) => {
        fc.pre(from !== to)
        expect(opened([key], sealing(key).seal(A_V1, from), to)).toBe('secret_unreadable')
      }),
    )
  })

  it('does not open once any bit of it is changed', () => {
    const stored = sealing(K1).seal(A_V1, 'ep_1')
    const [form, keyId, sealed = ''] = stored.split('.')
    const bytes = Buffer.from(sealed, 'base64')
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(opened([K1], `${form}.${keyId}.${changed.toString('base64')}`)).toBe('secret_unreadable')
    }
  })

  it.each([
    'sealed1.',
    'sealed1.0123456789ab',
    'sealed1.0123456789ab.',
    'sealed1.0123456789ab.AA-_',
    'sealed2.0123456789ab.AAAA',
    'sealed',
  ])('what is no sealed value of ours does not open: %s', (stored) => {
    expect(opened([K1], stored)).toBe('secret_unreadable')
  })

  it('cut short it does not open, wherever', () => {
    const stored = sealing(K1).seal(A_V1, 'ep_1')
    for (let length = 'sealed1.0123456789ab.'.length; length < stored.length; length++) {
      expect(opened([K1], stored.slice(0, length))).toBe('secret_unreadable')
    }
  })

  it('seals each time anew', () => {
    const { seal } = sealing(K1)
    expect(seal(A_V1, 'ep_1')).not.toBe(seal(A_V1, 'ep_1'))
  })
})

describe('several keys', () => {
  it('the first seals, all of them open, and what another one sealed is not current', () => {
    const old = sealing(K1).seal(A_V1, 'ep_1')
    const both = sealing(K2, K1)
    const fresh = both.seal(A_V1, 'ep_1')
    expect([old, fresh, A_V1].map(both.isCurrent)).toEqual([false, true, false])
    expect([old, fresh].map((stored) => opened([K2, K1], stored))).toEqual([A_V1, A_V1])
    expect(opened([K2], fresh)).toBe(A_V1)
    expect(opened([K2, K3], old)).toBe('secrets_key_unknown')
  })

  it('a message names the key that lacks by its id, never by itself', () => {
    const stored = sealing(K1).seal(A_V1, 'ep_1')
    const open = () => sealing(K2).open({ id: 'ep_1', secrets: [secret(stored)] }, NOW)
    expect(open).toThrow(/which secretsKey does not hold/)
    expect(open).not.toThrow(new RegExp(Buffer.from(K1).toString('hex')))
  })
})

describe('open', () => {
  it('answers those in force, newest first, opened, and looks at no other', () => {
    const { seal, open } = sealing(K1)
    const secrets = [
      secret(seal(A_V1, 'ep_1'), { createdAt: 1, expiresAt: NOW + 1 }),
      secret('sealed1.of nobody', { createdAt: 2, expiresAt: NOW }),
      secret(A_V1A, { createdAt: 3 }),
    ]
    const both = [
      { value: A_V1A, createdAt: 3, expiresAt: null },
      { value: A_V1, createdAt: 1, expiresAt: NOW + 1 },
    ]
    expect(open({ id: 'ep_1', secrets }, NOW)).toEqual(both)
    expect(open({ id: 'ep_1', secrets }, NOW + 1)).toEqual(both.slice(0, 1))
    expect(secrets[0]?.value).toMatch(/^sealed1/)
  })

  it('opens a kept record once', () => {
    const { seal, open } = sealing(K1)
    const kept = { id: 'ep_1', secrets: [secret(seal(ANOTHER_V1, 'ep_1'))] }
    expect(open(kept, NOW)[0]).toBe(open(kept, NOW + 5)[0])
  })
})

describe('secretsKey', () => {
  const bytes = Uint8Array.from({ length: 32 }, (_, index) => 250 - index)
  const text = Buffer.from(bytes)

  it('is 32 bytes as they are, in base64 or in hex, which are never taken for each other', () => {
    const forms = [bytes, text, text.toString('base64'), text.toString('base64').slice(0, -1), text.toString('hex')]
    for (const form of [...forms, text.toString('hex').toUpperCase()]) expect(masterKeysOf(form)).toEqual([bytes])
    expect(masterKeysOf(forms)).toEqual(forms.map(() => bytes))
  })

  it('is copied: what its owner wipes still seals', () => {
    const given = Uint8Array.from(bytes)
    const keys = masterKeysOf(given)
    given.fill(0)
    expect(keys).toEqual([bytes])
  })
})
