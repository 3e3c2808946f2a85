import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { Settings } from './options.ts'
import { createSession } from './session.ts'
import { type Answer, packed, plainError, type Request, unpacked } from './thread-messages.ts'

/** What runs in the thread of the database. A file of its own in the package: `sqlite-worker.cjs`. */

const port = parentPort as MessagePort
const session = createSession(workerData as Settings)
let unwatch: (() => void) | null = null

// In the order in which they come; each ends before the next begins.
port.on('message', (bytes: Uint8Array) => {
  void serve(unpacked<Request>(bytes))
})

async function serve({ id, name, input }: Request): Promise<void> {
  try {
    tell({ id, value: await perform(name, input) })
  } catch (error) {
    tell({ id, error: plainError(error) })
  }
  // Nothing else keeps the thread.
  if (name === 'close') port.close()
}

function perform(name: Request['name'], input: unknown): unknown {
  if (name === 'open') return session.open()
  if (name === 'close') return session.close()
  if (name !== 'watch' && name !== 'unwatch') return session.call(name, input)
  unwatch?.()
  unwatch = name === 'watch' ? session.onWork(() => tell('work')) : null
  return null
}

function tell(answer: Answer): void {
  const bytes = packed(answer)
  port.postMessage(bytes, [bytes.buffer])
}
