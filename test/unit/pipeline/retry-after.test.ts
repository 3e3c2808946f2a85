import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseRetryAfter } from '../../../src/pipeline/retry.ts'

const NOW = Date.UTC(1994, 10, 6, 8, 49, 0)

describe('seconds', () => {
  it('are milliseconds from now', () => {
    expect(parseRetryAfter('120', NOW)).toBe(120_000)
    expect(parseRetryAfter(' 0 ', NOW)).toBe(0)
    expect(parseRetryAfter('007', NOW)).toBe(7_000)
  })

  it('of any size stay finite', () => {
    expect(parseRetryAfter('9'.repeat(400), NOW)).toBe(Number.MAX_SAFE_INTEGER)
  })
})

describe('HTTP dates', () => {
  it('are read in the three forms of RFC 9110', () => {
    expect(parseRetryAfter('Sun, 06 Nov 1994 08:49:37 GMT', NOW)).toBe(37_000)
    expect(parseRetryAfter('Sunday, 06-Nov-94 08:49:37 GMT', NOW)).toBe(37_000)
    expect(parseRetryAfter('Sun Nov  6 08:49:37 1994', NOW)).toBe(37_000)
  })

  it('gone by are no delay', () => {
    expect(parseRetryAfter('Sun, 06 Nov 1994 08:48:00 GMT', NOW)).toBe(0)
  })

  it('with a year of two digits are the nearest', () => {
    expect(parseRetryAfter('Monday, 01-Jan-70 00:00:00 GMT', 0)).toBe(0)
    expect(parseRetryAfter('Tuesday, 01-Jan-69 00:00:00 GMT', 0)).toBe(Date.UTC(2069, 0, 1))
  })

  it('agree with the calendar of the platform on every day', () => {
    const moment = fc.date({
      min: new Date('0100-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
      noInvalidDate: true,
    })
    const edges = ['2000-02-29', '2000-03-01', '2100-02-28', '2100-03-01', '2024-02-29', '1970-01-01', '1969-12-31']
    const check = (date: Date) => {
      const whole = Math.floor(date.getTime() / 1_000) * 1_000
      const now = -1e14
      expect(parseRetryAfter(date.toUTCString(), now)).toBe(whole - now)
    }
    for (const edge of edges) check(new Date(`${edge}T12:34:56Z`))
    fc.assert(fc.property(moment, check), { numRuns: 5_000 })
  })
})

describe('anything else', () => {
  const garbage = [
    undefined,
    '',
    'soon',
    '-1',
    '1.5',
    '1e3',
    '0x10',
    '120, 120',
    '2026-01-01T00:00:00Z',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 06 Nov 1994 08:49:37 +0100',
    'Sun, 06 Xyz 1994 08:49:37 GMT',
    'Sun, 32 Nov 1994 08:49:37 GMT',
    'Sun, 00 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 06 Nov 1994 08:60:00 GMT',
    'Sun, 06 Nov 1994 08:00:61 GMT',
  ]
  for (const value of garbage) {
    it(`is not readable: ${value}`, () => {
      expect(parseRetryAfter(value, NOW)).toBeNull()
    })
  }

  it('never throws, and is never a negative or infinite delay', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer(), (value, now) => {
        const delay = parseRetryAfter(value, now)
        expect(delay === null || (delay >= 0 && Number.isFinite(delay))).toBe(true)
      }),
    )
  })
})
