import { pause } from './pause.ts'

/** At most one notification in this time. */
const EVERY_MS = 50
/** After an event was written in a transaction of the host's: by then it is over, as a rule. */
const LATER_MS = 50

export interface Announcer {
  /** There is work for others: at once, or as soon as the last notification is old enough. */
  announce(): void
  announceLater(): void
  /** Sends what waits. */
  close(): Promise<void>
}

/**
 * Tells others that there is work, now and then. `notify` may fail: it is a hint. What is announced later is news to this process
 * as well: `tellOwn`.
 */
export function createAnnouncer(notify: () => Promise<unknown>, tellOwn: () => void): Announcer {
  let closing = new AbortController()
  const underWay = new Set<Promise<void>>()
  const now = { busy: false, again: false }
  const later = { busy: false, again: false }

  function track(promise: Promise<void>): void {
    underWay.add(promise)
    promise.then(() => underWay.delete(promise))
  }

  /** One turn at a time; asked for during it, another follows. */
  function turn(state: typeof now, work: () => Promise<unknown>): void {
    state.again = state.busy
    if (state.busy) return
    state.busy = true
    track(
      work().then(() => {
        state.busy = false
        if (state.again) turn(state, work)
      }),
    )
  }

  const send = () => Promise.all([notify().catch(() => {}), pause(EVERY_MS, closing.signal)])
  const announce = () => turn(now, send)
  return {
    announce,
    announceLater: () => turn(later, () => pause(LATER_MS, closing.signal).then(tellOwn).then(announce)),
    async close() {
      closing.abort()
      while (underWay.size > 0) await Promise.all(underWay)
      closing = new AbortController()
    },
  }
}
