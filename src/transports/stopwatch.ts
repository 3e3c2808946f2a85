import { performance } from 'node:perf_hooks'
import type { TransportResponse } from '../ports/transport.ts'

type Moment = 'socket' | 'connected' | 'secured' | 'sent' | 'head'

/** When a request reached what. A phase that was cut off counts up to the cut. */
export class Stopwatch {
  readonly #secure: boolean
  readonly #at: Partial<Record<Moment, number>> = {}

  constructor(secure: boolean) {
    this.#secure = secure
  }

  mark(moment: Moment): void {
    this.#at[moment] = performance.now()
  }

  timings(): TransportResponse['timings'] {
    const { socket, connected, secured, sent, head } = this.#at
    const end = performance.now()
    return {
      connectMs: span(socket, connected ?? end),
      tlsMs: this.#secure ? span(connected, secured ?? end) : null,
      // A server may answer before the request's last byte was handed over.
      headersMs: span(sent ?? head, head ?? end),
      bodyMs: span(head, end),
    }
  }
}

function span(from: number | undefined, to: number): number | null {
  return from === undefined ? null : Math.max(0, Math.round((to - from) * 100) / 100)
}
