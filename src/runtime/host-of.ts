/** A URL's host as resolvers, sockets and certificates know it: IPv6 literals without their brackets. */
export function hostOf({ hostname }: URL): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}
