import { messageOf, WebhookError } from '../errors.ts'
import type { SigningScheme } from './scheme.ts'
import { signedBy } from './signed-by.ts'

/** Which schemes sign for an endpoint, and whether they can. */

/** Those of the sender's schemes that an endpoint names; all where it names none. Throws when one of the names is gone. */
export function schemesFor(
  schemes: readonly SigningScheme[],
  names: readonly string[] | undefined,
): readonly SigningScheme[] {
  if (names === undefined) return schemes
  const gone = names.find((name) => !schemes.some((scheme) => scheme.name === name))
  if (gone === undefined) return schemes.filter(({ name }) => names.includes(name))
  const message = `the endpoint is to be signed for by ${gone}, which is not in the sender's signing: add it there, or change the endpoint's signing.`
  throw new WebhookError('endpoint_state_invalid', message)
}

const TRIAL = { id: 'evt_trial', body: new TextEncoder().encode('{}') }

/** Why one of the schemes can not sign with these secrets, newest first, by its own words; null: all of them can. */
export function refusalOf(
  schemes: readonly SigningScheme[],
  secrets: readonly string[],
  now: number,
): { scheme: string; reason: string } | null {
  for (const scheme of schemes) {
    try {
      signedBy(scheme, { ...TRIAL, timestampSeconds: Math.floor(now / 1_000), secrets })
    } catch (error) {
      return { scheme: scheme.name, reason: messageOf(error) }
    }
  }
  return null
}
