/** Ids that sort by the moment of their making: a prefix, ten characters of time, sixteen of chance. Never a dot. */

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

export type IdPrefix = 'evt' | 'ep' | 'rpl'

/** `randomBytes` yields the chance: 10 bytes are taken. */
export function makeId(prefix: IdPrefix, now: number, randomBytes: (size: number) => Uint8Array): string {
  let time = ''
  for (let rest = Math.floor(now), digit = 0; digit < 10; digit++) {
    time = ALPHABET[rest % 32] + time
    rest = Math.floor(rest / 32)
  }
  return `${prefix}_${time}${chanceOf(randomBytes)}`
}

/** A sender's name on leases. Short: it stands in each delivery's row while that is leased. 10 bytes of chance are taken. */
export function makeWorkerName(randomBytes: (size: number) => Uint8Array): string {
  return chanceOf(randomBytes)
}

/** 80 bits in 16 characters. */
function chanceOf(randomBytes: (size: number) => Uint8Array): string {
  let chance = ''
  let bits = 0
  let value = 0
  for (const byte of randomBytes(10)) {
    value = (value << 8) | byte
    bits += 8
    while (bits >= 5) {
      bits -= 5
      chance += ALPHABET[(value >>> bits) & 31]
    }
    value &= (1 << bits) - 1
  }
  return chance
}

/** An id as a caller may give one: no dot (it would end the id in the signed content), nothing that needs escaping. */
export const ID_PATTERN = /^[A-Za-z0-9_-]{1,64}$/

const DELIVERY_DIGITS = 11

/** The public id of the delivery that a storage keeps under this integer key. */
export function deliveryId(key: number): string {
  let digits = ''
  for (let rest = key, digit = 0; digit < DELIVERY_DIGITS; digit++) {
    digits = ALPHABET[rest % 32] + digits
    rest = Math.floor(rest / 32)
  }
  return `dlv_${digits}`
}

/** The integer key of a delivery's public id, or null when it is not one. */
export function deliveryKey(id: string): number | null {
  if (id.length !== 4 + DELIVERY_DIGITS || !id.startsWith('dlv_')) return null
  let key = 0
  for (const character of id.slice(4)) {
    const digit = ALPHABET.indexOf(character)
    if (digit < 0) return null
    key = key * 32 + digit
  }
  return Number.isSafeInteger(key) ? key : null
}
