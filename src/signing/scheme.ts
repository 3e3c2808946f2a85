/** What one attempt gives a scheme to sign. */
export interface SignInput {
  /** The event's id: the same on every endpoint, retry and replay. Holds no dot. */
  id: string
  /** Unix seconds of this attempt, an integer. */
  timestampSeconds: number
  /** The exact bytes of the request's body. */
  body: Uint8Array
  /** The endpoint's secrets that are in force at this moment, in their written form, newest first. */
  secrets: readonly string[]
}

/** One way to prove to a receiver who sent a request. */
export interface SigningScheme {
  /** What an endpoint's `signing` and messages call it, such as `standard-webhooks`; another one for each scheme of a sender. */
  readonly name: string
  /** The headers that `sign` writes. Those of one scheme are written by no other one of the same sender. */
  readonly headers: readonly string[]
  /**
   * The headers that carry the proof, at once: all that `headers` names, none of them empty. Never a secret itself. Throws when none of the secrets suits the scheme: an unsigned
   * request is worse than none. Asked as well when an endpoint gets a secret, over a trial body: a secret that it refuses is
   * refused there.
   */
  sign(input: SignInput): Record<string, string>
}
