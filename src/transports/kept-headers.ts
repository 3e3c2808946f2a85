/** Headers as node:http and undici give them, names in lower case. */
export type HeaderValues = Readonly<Record<string, string | string[] | undefined>>

/** The headers that fit into `maxBytes` of names and values; one that does not fit is left out, later ones still get in. */
export function keptHeaders(headers: HeaderValues, maxBytes: number): Record<string, string> {
  const kept: [string, string][] = []
  let left = maxBytes
  for (const [name, value] of Object.entries(headers)) {
    const text = Array.isArray(value) ? value.join(', ') : (value ?? '')
    // Both are latin1: a character is a byte.
    const size = name.length + text.length
    if (size > left) continue
    left -= size
    kept.push([name, text])
  }
  return Object.fromEntries(kept)
}
