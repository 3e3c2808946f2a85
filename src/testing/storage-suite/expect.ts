import assert from 'node:assert/strict'

/** Assertions that say which promise was broken, and how. */

export function holds(condition: boolean, promise: string): asserts condition {
  if (!condition) throw new assert.AssertionError({ message: promise, actual: condition, expected: true })
}

export function same<T>(actual: T, expected: T, promise: string): void {
  try {
    assert.deepEqual(plain(actual), plain(expected))
  } catch (error) {
    const difference = error instanceof Error ? error.message : String(error)
    throw new assert.AssertionError({ message: `${promise}\n${difference}`, actual, expected })
  }
}

/** The part of `actual` that `expected` names is the same. */
export function matches<T extends object>(
  actual: T | null,
  expected: Partial<T>,
  promise: string,
): asserts actual is T {
  holds(actual !== null, `${promise}\nthere was nothing`)
  const part = Object.fromEntries(Object.keys(expected).map((key) => [key, actual[key as keyof T]]))
  same(part, expected as Record<string, unknown>, promise)
}

/** The call is refused, whatever the error. */
export async function refused(call: Promise<unknown>, promise: string): Promise<void> {
  const outcome = await call.then(
    () => 'accepted',
    () => 'refused',
  )
  same(outcome, 'refused', promise)
}

/** Bytes are compared as bytes, in whichever kind of array a storage hands them out. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: [...value] }
  // A runner may have given the storage globals of its own: of its arrays, `map` would make others of that kind.
  if (Array.isArray(value)) return Array.from(value, plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]))
}
