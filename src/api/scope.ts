import { string } from '../arguments.ts'
import { ArgumentError } from '../errors.ts'
import { ID_PATTERN } from '../model/ids.ts'

/** Whose data a call is about. */

/** Given as `tenant` of a list or a selection: over all tenants. Refused under `forTenant`. */
export const ALL_TENANTS: unique symbol = Symbol.for('hookferry.ALL_TENANTS')

const DEFAULT_TENANT = 'default'

export interface Scope {
  /** Set by `forTenant`: everything else is as if it did not exist. Null at the root. */
  bound: string | null
  requireTenant: boolean
}

/** A tenant's name: 1 to 128 characters, well-formed Unicode without control characters. */
export function checkTenant(value: unknown, path: string): string {
  const tenant = string(value, path, { min: 1, max: 128 })
  if (/\p{Cc}/u.test(tenant)) throw new ArgumentError('argument_invalid', path, 'must not hold control characters')
  return tenant
}

/** The tenant that an input names, or the default. An explicit undefined is refused: it is mostly a bug in the caller. */
export function tenantOf(input: Record<string, unknown>, path: string, scope: Scope): string {
  const tenant = givenTenant(input, path, scope)
  if (tenant === ALL_TENANTS) {
    throw new ArgumentError('argument_invalid', `${path}.tenant`, 'must be one tenant here, not ALL_TENANTS')
  }
  return tenant
}

/** The same where all tenants are allowed: null then. */
export function tenantFilterOf(input: Record<string, unknown>, path: string, scope: Scope): string | null {
  const tenant = givenTenant(input, path, scope)
  return tenant === ALL_TENANTS ? null : tenant
}

function givenTenant(input: Record<string, unknown>, path: string, scope: Scope): string | typeof ALL_TENANTS {
  if (scope.bound !== null) {
    if ('tenant' in input && input.tenant !== scope.bound) {
      throw new ArgumentError('argument_invalid', `${path}.tenant`, 'is bound by forTenant: leave it out')
    }
    return scope.bound
  }
  if (!('tenant' in input)) {
    if (!scope.requireTenant) return DEFAULT_TENANT
    throw new ArgumentError('argument_missing', `${path}.tenant`, 'is required, since requireTenant is set')
  }
  if (input.tenant === ALL_TENANTS) return ALL_TENANTS
  return checkTenant(input.tenant, `${path}.tenant`)
}

/** An id as the caller gives it. Its form is checked so that a misplaced argument is told apart from an unknown id. */
export function checkId(value: unknown, path: string): string {
  const id = string(value, path, { min: 1, max: 64 })
  if (!ID_PATTERN.test(id)) {
    throw new ArgumentError('argument_invalid', path, 'must have letters, digits, _ and - only')
  }
  return id
}
