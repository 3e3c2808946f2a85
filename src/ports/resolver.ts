export interface ResolvedAddress {
  address: string
  family: 4 | 6
}

/**
 * Turns a host name into all its addresses. Rejects when the name has none or the servers fail; obeys `signal`.
 * Never asked about IP literals.
 */
export type Resolve = (host: string, options: { signal: AbortSignal }) => Promise<ResolvedAddress[]>
