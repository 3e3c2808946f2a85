/** As many as node:https keeps: the last ones used. A session is 2 to 4 KB, and saves a round trip and the dear half of a handshake. */
const SESSIONS_MAX = 1_024

/** Sessions of servers met before, so that a new connection resumes one instead of beginning anew. */
export class TlsSessions {
  readonly #sessions = new Map<string, Buffer>()

  get(origin: string): Buffer | undefined {
    return this.#sessions.get(origin)
  }

  set(origin: string, session: Buffer): void {
    this.#sessions.delete(origin)
    this.#sessions.set(origin, session)
    if (this.#sessions.size <= SESSIONS_MAX) return
    for (const oldest of this.#sessions.keys()) {
      this.#sessions.delete(oldest)
      return
    }
  }
}
