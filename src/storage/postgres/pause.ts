/** Resolves after that time, or as soon as `signal` is aborted. Keeps no process alive. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    timer.unref()
    signal.addEventListener('abort', done)
  })
}

/** As `promise` settles; resolves early, with undefined, once `signal` is aborted; rejects after that time. */
export function within<T>(ms: number, signal: AbortSignal, promise: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
    const onAbort = () => {
      leave()
      resolve(undefined)
    }
    const timer = setTimeout(() => {
      leave()
      reject(new Error('no answer came in time'))
    }, ms)
    timer.unref()
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    promise.finally(leave).then(resolve, reject)
  })
}
