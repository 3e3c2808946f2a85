/** One address of a host name. */
export interface ResolvedAddress {
  /** In text form, such as `93.184.215.14`. */
  address: string
  /** IPv4 or IPv6. */
  family: 4 | 6
}

/**
 * Turns a host name into all its addresses. Rejects when the name has none or the servers fail; obeys `signal`.
 * Never asked about IP literals.
 */
export type Resolve = (host: string, options: { signal: AbortSignal }) => Promise<ResolvedAddress[]>
