import { expect, it } from 'vitest'
import { systemRandom } from '../../../src/runtime/system-random.ts'

it('hands out other bytes each time, of the size asked for, also beyond what it makes ahead', () => {
  const random = systemRandom()
  const chunks = Array.from({ length: 5_000 }, (_, index) => random.bytes([10, 16, 32][index % 3] as number))
  expect(chunks.slice(0, 3).map((bytes) => bytes.byteLength)).toEqual([10, 16, 32])
  expect(new Set(chunks.map((bytes) => Buffer.from(bytes).toString('hex'))).size).toBe(chunks.length)
})

it('hands out memory of its own', () => {
  const random = systemRandom()
  const first = random.bytes(10)
  expect(first.buffer.byteLength).toBe(10)
})
