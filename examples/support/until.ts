import { setTimeout as sleep } from 'node:timers/promises'
import type { AnyWebhookSender } from 'hookferry'

/** Waits until `look` finds something other than false, null and undefined, and returns it. Throws after `withinMs`. */
export async function until<T>(
  look: () => T | Promise<T>,
  withinMs = 10_000,
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const found = await look()
    if (found !== false && found !== null && found !== undefined) {
      return found as Exclude<T, false | null | undefined>
    }
    if (performance.now() > deadline) throw new Error(`it did not come true within ${withinMs} ms: ${look}`)
    await sleep(20)
  }
}

/** Whether somebody has stopped it: every call is refused from then on. */
export async function isStopped(sender: AnyWebhookSender): Promise<boolean> {
  return sender.health().then(
    () => false,
    ({ code }) => code === 'stopped',
  )
}
