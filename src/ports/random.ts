/** The only source of chance. */
export interface Random {
  /** In [0, 1). */
  float(): number
  bytes(size: number): Uint8Array
}
