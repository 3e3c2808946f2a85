/** Reads amounts as people write them: `5 s`, `24 h`, `512 KiB`, `10,000`, `±20 %`, `false`, `none`. */

const UNITS: Record<string, number> = {
  ms: 1,
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
  day: 86_400_000,
  days: 86_400_000,
  byte: 1,
  bytes: 1,
  KiB: 1_024,
  MiB: 1_024 ** 2,
  GiB: 1_024 ** 3,
  '%': 0.01,
  '': 1,
}

const AMOUNT = /^(\d[\d,]*(?:\.\d+)?) ?([A-Za-z%]*)$/

export function amountOf(text: string): unknown {
  if (text === 'false') return false
  if (text === 'none') return []
  if (text.includes(', ')) return text.split(', ').map(amountOf)
  const [, digits, unit = ''] = AMOUNT.exec(text) ?? []
  const factor = UNITS[unit]
  if (digits === undefined || factor === undefined) throw new Error(`not an amount: ${text}`)
  return Number((Number(digits.replace(/,/g, '')) * factor).toFixed(6))
}
