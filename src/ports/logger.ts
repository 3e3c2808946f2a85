/**
 * The structural logger that pino, and most others, fit. Nothing is written unless one is given. Each method is called on the object
 * that was given, with fields and a message that begins with `hookferry: `; what it throws, or rejects with, is dropped. The fields of
 * each line stand in docs/guides/lifecycle-events.md.
 */
export interface Logger {
  /** What became of single deliveries: each attempt that ended, and each delivery that failed or was canceled. */
  debug(fields: object, message: string): void
  /** What was done to the sender, to endpoints and replays. */
  info(fields: object, message: string): void
  /** What an operator should look at: endpoints that fail or were disabled, doubts about the storage. */
  warn(fields: object, message: string): void
  /** What `'error'` tells: failures that no caller waits for. */
  error(fields: object, message: string): void
  /** Where there is one, it is asked before anything is made for a line. Left out: every level is written. */
  isLevelEnabled?(level: string): boolean
}
