/** Bytes without Node's Buffer. */

/** Reads standard base64 with its padding; null: it is anything else, even if only its unused last bits are set. */
export function fromBase64(text: string): Uint8Array | null {
  try {
    const characters = atob(text)
    // atob passes over white space and lacking padding: written again it must be the same.
    return btoa(characters) === text ? Uint8Array.from(characters, (character) => character.charCodeAt(0)) : null
  } catch {
    return null
  }
}

/**
 * Whether two arrays hold the same bytes. Length first, which is no secret; then every byte of both, wherever they differ, so that
 * the time it takes does not tell how much of a guess was right.
 */
export function equalBytes(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let index = 0; index < a.length; index++) difference |= Number(a[index]) ^ Number(b[index])
  return difference === 0
}
