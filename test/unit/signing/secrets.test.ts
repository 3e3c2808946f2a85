import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import nacl from 'tweetnacl'
import { describe, expect, it } from 'vitest'
import { assertSecret, generateSecret, publicKeyOf, secretOfBytes } from '../../../src/signing/secrets.ts'
import { A_V1, A_V1A, A_V1A_PUBLIC } from './vectors.ts'

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
const ofBytes = (size: number) => `whsec_${base64(new Uint8Array(size).fill(7))}`
const refusal = (value: unknown): unknown => {
  try {
    return assertSecret(value as string, 'endpoint.secret')
  } catch (error) {
    return error
  }
}

describe('assertSecret', () => {
  it('returns a secret as it is, and pads an unpadded one', () => {
    expect(assertSecret(A_V1, 'secret')).toBe(A_V1)
    expect(assertSecret(A_V1A, 'secret')).toBe(A_V1A)
    expect(assertSecret(ofBytes(25).replace(/=+$/, ''), 'secret')).toBe(ofBytes(25))
    expect(assertSecret(A_V1A.replace(/=+$/, ''), 'secret')).toBe(A_V1A)
  })

  it('takes 8 to 256 bytes', () => {
    expect(assertSecret(ofBytes(8), 'secret')).toBe(ofBytes(8))
    expect(assertSecret(ofBytes(256), 'secret')).toBe(ofBytes(256))
    expect(refusal(ofBytes(7))).toMatchObject({ code: 'argument_range', path: 'endpoint.secret' })
    expect(refusal(ofBytes(257))).toMatchObject({ code: 'argument_range' })
    expect(refusal('whsec_')).toMatchObject({ code: 'argument_range' })
  })

  it('does not take a bare hex string, which is base64 of other bytes, nor a bare base64 one, and shows what to do', () => {
    for (const bare of ['0123456789abcdef'.repeat(4), A_V1.slice(6), "It's a Secret to Everybody", '']) {
      const error = refusal(bare)
      expect(error).toMatchObject({ code: 'argument_invalid', path: 'endpoint.secret' })
      expect(String(error)).toContain('{ bytes: Buffer.from(text) }')
      expect(String(error)).toContain("{ bytes: Buffer.from(text, 'hex') }")
    }
  })

  it('does not take hex behind the prefix either, in small or capital letters', () => {
    for (const size of [16, 20, 32, 64]) {
      const hex = Buffer.alloc(size, 0x1f).toString('hex')
      expect(refusal(`whsec_${hex}`)).toMatchObject({ code: 'argument_invalid' })
      expect(String(refusal(`whsec_${hex.toUpperCase()}`))).toContain('holds hex')
    }
    // One letter beyond f, and it is base64 as anybody else's.
    expect(refusal(`whsec_${'1g'.repeat(16)}`)).toBe(`whsec_${'1g'.repeat(16)}`)
    expect(refusal(`whsec_${Buffer.alloc(24).toString('base64')}`)).toBe(`whsec_${'A'.repeat(32)}`)
  })

  it('refuses what is not standard base64, or was cut off', () => {
    const half = ofBytes(25).replace('==', '=')
    const strayBits = `${ofBytes(25).replace(/.==$/, 'x')}`
    for (const wrong of [
      `${A_V1}!`,
      `${A_V1} `,
      ` ${A_V1}`,
      A_V1.replace('r', '-'),
      `${A_V1.slice(0, -3)}`,
      half,
      strayBits,
    ]) {
      expect(refusal(wrong), wrong).toMatchObject({ code: 'argument_invalid' })
    }
  })

  it('refuses what is no string', () => {
    expect(refusal(undefined)).toMatchObject({ code: 'argument_type' })
    expect(refusal(7)).toMatchObject({ code: 'argument_type' })
  })

  it('refuses an Ed25519 secret of another length, or whose public half belongs to another seed', () => {
    const { secretKey } = nacl.sign.keyPair()
    expect(refusal(`whsk_${base64(secretKey.subarray(0, 32))}`)).toMatchObject({ code: 'argument_range' })
    const other = Buffer.concat([secretKey.subarray(0, 32), nacl.sign.keyPair().publicKey])
    expect(refusal(`whsk_${base64(other)}`)).toMatchObject({ code: 'argument_invalid' })
  })

  it('never quotes the secret', () => {
    const canary = 'CanaryCanaryCanary'
    for (const wrong of [canary, `whsec_${canary}`, `whsk_${canary}`, `whsec_${canary}!`]) {
      expect(String(refusal(wrong))).not.toContain(canary)
    }
  })
})

describe('secretOfBytes', () => {
  it('writes the very bytes, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 256 }), (key) => {
        expect(secretOfBytes(key, 'secret')).toBe(`whsec_${base64(key)}`)
      }),
    )
  })

  it.each([0, 7, 257])('refuses %d of them', (size) => {
    const refused = () => secretOfBytes(new Uint8Array(size), 'secret.bytes')
    expect(refused).toThrow(expect.objectContaining({ code: 'argument_range', path: 'secret.bytes' }))
  })
})

describe('generateSecret', () => {
  it('makes 32 bytes for HMAC', () => {
    const secret = generateSecret(randomBytes)
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(assertSecret(secret, 'secret')).toBe(secret)
    expect(generateSecret((size) => new Uint8Array(size).fill(7))).toBe(ofBytes(32))
  })

  it('makes the Ed25519 pair that tweetnacl makes of the same seed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (seed) => {
        const pair = nacl.sign.keyPair.fromSeed(seed)
        const secret = generateSecret(() => seed, 'v1a')
        expect(secret).toBe(`whsk_${base64(pair.secretKey)}`)
        expect(publicKeyOf(secret)).toBe(`whpk_${base64(pair.publicKey)}`)
        expect(assertSecret(secret, 'secret')).toBe(secret)
      }),
    )
  })
})

describe('publicKeyOf', () => {
  it('is the published one for the published secret', () => {
    expect(publicKeyOf(A_V1A)).toBe(A_V1A_PUBLIC)
  })

  it('does not exist for an HMAC secret', () => {
    expect(publicKeyOf(A_V1)).toBeNull()
  })
})
