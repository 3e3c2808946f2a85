/** What the programs of the crash tests are told, and what they report. */

/** Where a program meets its fate: before, during or after the nth call of one method of its storage or transport. */
export interface Trap {
  on: 'open' | 'insertEvents' | 'insertSlice' | 'claimDue' | 'settle' | 'send'
  /** `during`: some milliseconds after the call began, whatever has become of it. */
  when: 'before' | 'during' | 'after'
  nth: number
  afterMs?: number
  /** Counts only from the moment at which so many settlements were written in this life. */
  armedAfter?: number
  fate: Fate
}

export type Fate = 'kill' | 'stop' | 'exit' | 'throw' | 'abort'

export interface SenderConfig {
  /** The database in a thread of its own; left out: not. */
  thread?: boolean
  /** The database file. */
  path: string
  /** Options of the sender beside storage and transport. */
  options: Record<string, unknown>
  /** Deliver, too. */
  start: boolean
  /** Begins with the command `go`: what it takes to start a program is over by then. */
  waits?: boolean
  traps?: Trap[]
  /** Meet one's fate on seeing a response with the header `x-crash`. */
  crashOnHeader?: Fate
  /** Report each request and each settlement. */
  verbose?: boolean
  load?: Load
  /** Let SQLite take so many pages at most, as a full disk would. */
  pagesMax?: number
  /** A file that takes the place away until there is to be room. */
  ballast?: string
}

/** Sends until the end of the program: `burst` events as fast as they are accepted, then one every few milliseconds. */
export interface Load {
  burst: number
  /** Events for the tenant with more endpoints than are written inline, sent first. */
  wide: number
}

export type SenderCommand =
  | { do: 'trap'; trap: Trap }
  | { do: 'send'; events: { id?: string; type: string; tenant?: string; data: unknown }[] }
  /** `perTurn` events every `everyMs`, with ids that begin with `prefix`. */
  | { do: 'pour'; prefix: string; type: string; perTurn: number; everyMs: number; turns: number; bytes: number }
  | { do: 'watch' }
  | { do: 'figures' }
  | { do: 'go' }
  /** Deliver all there is, in a program that was not started. */
  | { do: 'drain' }
  /** The disk is not full any more. */
  | { do: 'room' }
  | { do: 'stop' }

export type Report =
  | { is: 'up'; pid: number }
  /** `from`, `at`: when `send` was called, and when it resolved or rejected. */
  | { is: 'accepted'; id: string; deliveries: number | null; from: number; at: number }
  | { is: 'refused'; id: string | null; code: string; message: string }
  | { is: 'request'; key: string }
  | { is: 'settled'; key: string; status: string; outcome: string }
  | { is: 'trapped'; trap: string }
  | { is: 'delivered'; eventId: string; attempts: number }
  | { is: 'failed'; eventId: string; reason: string | null; attempts: number }
  | { is: 'poured' }
  /**
   * Since `watch`: the longest that the event loop was held up, how often it was for over 100 ms, and the longest that one storage
   * call took.
   */
  | {
      is: 'figures'
      loopMs: number
      loopLong: number
      callMs: number
      call: string
      attempts: number
      inFlight: number
    }
  | { is: 'ready' }
  | { is: 'drained'; nextDueAt: number | null }
  | { is: 'error'; context: string; code: string | null; message: string }
  | { is: 'stopped' }
  // the receiver
  | { is: 'listening'; url: string }
  | { is: 'seen'; requests: Seen[] }
  // the holder of the lock
  | { is: 'locked'; at: number }
  | { is: 'released'; at: number }

/** What the receiver saw of one event at one endpoint. */
export interface Seen {
  /** `webhook-id` and path, as everywhere. */
  key: string
  /** Requests that came in whole. */
  requests: number
  /** Answered with 2xx. */
  taken: number
  /** Requests that came while another was still open. */
  overlaps: number
  /** Whose signature was wrong. */
  unsigned: number
}

export type ReceiverCommand = { do: 'tell' }

/** One event at one endpoint. */
export function keyOf(webhookId: string, url: string): string {
  return `${webhookId} ${new URL(url, 'http://receiver').pathname}`
}
