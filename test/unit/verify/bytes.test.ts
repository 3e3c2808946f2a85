import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { equalBytes, fromBase64 } from '../../../src/verify/bytes.ts'

describe('equalBytes', () => {
  const bytes = fc.uint8Array({ maxLength: 80 })

  it('is whether they are the same', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(equalBytes(a, Uint8Array.from(a))).toBe(true)
        expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0)
      }),
    )
  })

  it('sees any one bit, at any place', () => {
    const a = Uint8Array.from({ length: 64 }, (_, index) => index * 37)
    for (let bit = 0; bit < 512; bit++) {
      const b = Uint8Array.from(a)
      b[bit >> 3]! ^= 1 << (bit & 7)
      expect(equalBytes(a, b)).toBe(false)
    }
  })

  // What is promised is that the work is the same; the time that a processor takes for it can't be asserted on a busy machine.
  it('reads every byte of both, wherever they differ', () => {
    const size = 32
    for (let place = 0; place <= size; place++) {
      const a = counted(new Array(size).fill(7))
      const b = counted(new Array(size).fill(7).map((byte, index) => (index >= place ? byte + 1 : byte)))
      expect(equalBytes(a.bytes, b.bytes)).toBe(place === size)
      expect([a.reads, b.reads]).toEqual([[...Array(size).keys()], [...Array(size).keys()]])
    }
  })

  it('reads none where the lengths differ', () => {
    const a = counted([1, 2, 3])
    const b = counted([1, 2])
    expect(equalBytes(a.bytes, b.bytes)).toBe(false)
    expect(equalBytes(b.bytes, a.bytes)).toBe(false)
    expect([a.reads, b.reads]).toEqual([[], []])
  })
})

/** Bytes that tell which of them were read. */
function counted(content: number[]): { bytes: ArrayLike<number>; reads: number[] } {
  const reads: number[] = []
  const get = (target: number[], key: string | symbol): unknown => {
    if (key !== 'length') reads.push(Number(key))
    return Reflect.get(target, key)
  }
  return { bytes: new Proxy(content, { get }), reads }
}

describe('fromBase64', () => {
  it('reads what Node writes, and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(fromBase64(Buffer.from(bytes).toString('base64'))).toEqual(Uint8Array.from(bytes))
      }),
    )
    fc.assert(
      fc.property(fc.stringMatching(/^[A-D=+/ \n_-]{0,12}$/), (text) => {
        const strict = Buffer.from(text, 'base64').toString('base64') === text
        expect(fromBase64(text) !== null).toBe(strict)
      }),
      { numRuns: 2_000 },
    )
  })

  it.each(['A', 'AA', 'AAA', 'AA=', 'AB==', 'AAB=', '====', 'AA==AA==', 'AAAA ', 'AA\nAA', 'é', '\u{1f600}'])(
    'refuses %j',
    (text) => {
      expect(fromBase64(text)).toBeNull()
    },
  )
})
