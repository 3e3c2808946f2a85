/** A name that could not be resolved. `code` is c-ares', such as `ENOTFOUND` or `ETIMEOUT`. */
export class LookupFailure extends Error {
  override readonly name = 'LookupFailure'
  readonly code: string

  constructor(host: string, code: string, cause?: unknown) {
    super(
      `${host}: ${MEANINGS[code] ?? 'could not be resolved'} (${code})`,
      cause === undefined ? undefined : { cause },
    )
    this.code = code
  }
}

const MEANINGS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'no such name',
  ENODATA: 'the name has no address',
  ETIMEOUT: 'the name servers did not answer',
  ESERVFAIL: 'the name servers failed',
  EREFUSED: 'the name servers refused to answer',
  ETOOMANY: 'the name has too many addresses',
  EBUSY: 'too many names are being resolved',
}

export function lookupFailure(host: string, error: unknown): LookupFailure {
  if (error instanceof LookupFailure) return error
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'EUNKNOWN'
  return new LookupFailure(host, code, error)
}
