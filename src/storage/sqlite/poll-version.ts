const POLL_MS = 50

/**
 * Calls `listener` when `read` answers another number than before; null means that there is nothing to read just now. Returns what
 * ends it. A failure is nobody's loss here: the engine looks for work by itself, too, and tells of failures.
 */
export function pollVersion(read: () => number | null, listener: () => void): () => void {
  let last = readOrNull(read)
  const timer = setInterval(() => {
    const version = readOrNull(read)
    const isChanged = version !== null && last !== null && version !== last
    last = version ?? last
    if (isChanged) listener()
  }, POLL_MS)
  timer.unref()
  return () => clearInterval(timer)
}

function readOrNull(read: () => number | null): number | null {
  try {
    return read()
  } catch {
    return null
  }
}
