import { afterEach } from 'vitest'

interface Closable {
  close(): Promise<void>
}

/** A function that notes what it is given, and gives it back; after each test all of it is closed, the latest first. */
export function closedAfterEach(): <T extends Closable>(one: T) => T {
  const open: Closable[] = []
  afterEach(async () => {
    for (const one of open.splice(0).reverse()) await one.close()
  })
  return (one) => {
    open.push(one)
    return one
  }
}
