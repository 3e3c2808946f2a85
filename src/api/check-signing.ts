import { list, plainObject, required, string } from '../arguments.ts'
import { ArgumentError } from '../errors.ts'
import { HEADER_NAME, isReserved } from '../model/header-names.ts'
import type { SigningScheme } from '../signing/scheme.ts'
import { refusalOf } from '../signing/schemes.ts'
import { assertSecret, generateSecret, type SecretKind, secretOfBytes } from '../signing/secrets.ts'

/** Checks of what signs: the schemes of a sender, the names of an endpoint's, and secrets. */

const SCHEMES = { min: 1, max: 8 }

/** The sender's schemes. Two that write one header would leave the receiver with one of the signatures: refused. */
export function checkSchemes(value: unknown, path: string): void {
  const names = new Set<string>()
  const headers = new Map<string, string>()
  list(value, path, SCHEMES, (scheme, at) => {
    const { name, headers: written } = schemeOf(scheme, at)
    if (names.has(name)) throw new ArgumentError('argument_invalid', `${at}.name`, `is ${name}, as another scheme's`)
    names.add(name)
    for (const header of written) {
      const lower = header.toLowerCase()
      const other = headers.get(lower)
      if (other !== undefined && other !== name) {
        throw new ArgumentError('argument_invalid', `${at}.headers`, `holds ${header}, which ${other} writes as well`)
      }
      headers.set(lower, name)
    }
  })
}

/** A scheme may be the host's own: an object of a class of its own, too. */
function schemeOf(value: unknown, path: string): { name: string; headers: string[] } {
  if (typeof value !== 'object' || value === null || typeof Reflect.get(value, 'sign') !== 'function') {
    throw new ArgumentError('argument_type', path, 'must be an object with the method sign()')
  }
  const name = string(Reflect.get(value, 'name'), `${path}.name`, { min: 1, max: 256 })
  const headers = list(Reflect.get(value, 'headers'), `${path}.headers`, { min: 1, max: 16 }, (entry, at) => {
    const header = string(entry, at)
    if (HEADER_NAME.test(header) && !isReserved(header.toLowerCase())) return header
    throw new ArgumentError('argument_invalid', at, 'must be the name of a header that is not the connection’s')
  })
  return { name, headers }
}

/** An endpoint's `signing`: names of the sender's schemes. */
export function schemeNames(value: unknown, path: string, schemes: readonly SigningScheme[]): string[] {
  const known = schemes.map(({ name }) => name)
  return list(value, path, SCHEMES, (entry, at) => {
    const name = string(entry, at)
    if (known.includes(name)) return name
    throw new ArgumentError('argument_invalid', at, `must be one of the sender's schemes: ${known.join(', ')}`)
  })
}

/** A secret as its owner gives it: written, or the `bytes` of an HMAC key. */
export type SecretInput = string | { bytes: Uint8Array }

export interface SecretChecks {
  /** Those that will sign with it, each of them. */
  schemes: readonly SigningScheme[]
  randomBytes: (size: number) => Uint8Array
  now: number
}

/** The secret that was given, or a new one of the first kind that suits every scheme. */
export function secretOf(
  given: string | null,
  path: string,
  { schemes, randomBytes, now }: SecretChecks,
  kinds: readonly SecretKind[],
): string {
  if (given !== null) {
    const refusal = refusalOf(schemes, [given], now)
    if (refusal === null) return given
    throw new ArgumentError('argument_invalid', path, `does not suit the scheme ${refusal.scheme}: ${refusal.reason}`)
  }
  let refusal: ReturnType<typeof refusalOf> = null
  for (const kind of kinds) {
    const secret = generateSecret(randomBytes, kind)
    refusal = refusalOf(schemes, [secret], now)
    if (refusal === null) return secret
  }
  const why = `none that is made here suits the scheme ${refusal?.scheme}: ${refusal?.reason}`
  throw new ArgumentError('argument_missing', path, `is required, since ${why}`)
}

/** A secret as it was given, in its written form: its owner may wipe the bytes as soon as the call has returned. */
export function givenSecret(value: unknown, path: string): string | null {
  if (value === undefined) return null
  if (typeof value === 'string') return assertSecret(value, path)
  const { bytes } = plainObject(value, path, ['bytes'])
  if (!(required(bytes, `${path}.bytes`) instanceof Uint8Array)) {
    throw new ArgumentError('argument_type', `${path}.bytes`, 'must be the bytes of a key, a Uint8Array')
  }
  return secretOfBytes(bytes as Uint8Array, `${path}.bytes`)
}

/** Refuses a choice of schemes that does not go with the secret which the endpoint has. */
export function checkSuits(schemes: readonly SigningScheme[], secret: string, now: number, path: string): void {
  const refusal = refusalOf(schemes, [secret], now)
  if (refusal === null) return
  const message = `names ${refusal.scheme}, which the endpoint's secret does not suit: ${refusal.reason}`
  throw new ArgumentError('argument_invalid', path, message)
}
