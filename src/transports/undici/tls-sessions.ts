import { TLS_SESSIONS_MAX } from '../options.ts'

/** Sessions of servers met before, so that a new connection resumes one instead of beginning anew. */
export class TlsSessions {
  readonly #sessions = new Map<string, Buffer>()

  get(origin: string): Buffer | undefined {
    return this.#sessions.get(origin)
  }

  set(origin: string, session: Buffer): void {
    this.#sessions.delete(origin)
    this.#sessions.set(origin, session)
    if (this.#sessions.size <= TLS_SESSIONS_MAX) return
    for (const oldest of this.#sessions.keys()) {
      this.#sessions.delete(oldest)
      return
    }
  }
}
