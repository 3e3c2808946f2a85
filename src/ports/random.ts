/** The only source of chance. */
export interface Random {
  /** In [0, 1). */
  float(): number
  /** So many bytes that nobody can guess: ids and secrets are made of them. */
  bytes(size: number): Uint8Array
}
