import { createHash, randomUUID } from 'node:crypto'
import { type Announcer, createAnnouncer } from './announce.ts'
import { type ListeningClient, loadDriver, type PgPool } from './driver.ts'
import type { Settings } from './options.ts'
import { pause, within } from './pause.ts'
import { CONNECT_MS, CONNECTION, connect } from './session.ts'

/** Waits before the first and after each further attempt to connect again, doubled from one to the other. */
const AGAIN_MS = { first: 1_000, max: 30_000 }
/** A connection on which nothing comes may be a lost one: it is asked. */
const CHECK_MS = 5_000
const ANSWER_MS = 15_000
/** For the good-bye to the server; after it the socket is destroyed. */
const END_MS = 1_000
const NEVER = new AbortController().signal
/** A host's pool that is not larger needs each of its connections: polling finds the work then. */
const POOL_MIN = 3

type Ask = (sql: string, ...values: string[]) => Promise<unknown>
type Method<Input, Output> = (input: Input) => Promise<Output>

export interface Hints extends Pick<Announcer, 'announceLater'> {
  onWork(listener: () => void): () => void
  /** Makes a method tell the others when it is done and `leavesWork` for them. */
  announcing<Input, Output>(
    method: Method<Input, Output>,
    leavesWork: (output: Output, input: Input) => boolean,
  ): Method<Input, Output>
  close(): Promise<void>
}

/** Tells the other nodes of one database, schema and prefix about work, and is told by them, by NOTIFY and LISTEN. */
export function createHints(settings: Settings, ask: Ask): Hints {
  const node = randomUUID()
  const channel = channelOf(settings)
  const announcer = createAnnouncer(() => ask('SELECT pg_notify($1, $2)', channel, node), tell)
  const listeners = new Set<() => void>()
  const ended = new Set<Promise<void>>()
  let listening: AbortController | null = null

  function tell(): void {
    for (const listener of listeners) listener()
  }

  function begin(): AbortController {
    const ending = new AbortController()
    const end = listenUntil(ending.signal, { settings, channel, node, tell })
    ended.add(end)
    end.then(() => ended.delete(end))
    return ending
  }

  function leave(listener: () => void): void {
    listeners.delete(listener)
    if (listeners.size > 0) return
    listening?.abort()
    listening = null
  }

  return {
    announceLater: announcer.announceLater,
    announcing: (method, leavesWork) => async (input) => {
      const output = await method(input)
      if (leavesWork(output, input)) announcer.announce()
      return output
    },
    onWork(listener) {
      // Its own function each time: the same listener may be given twice.
      const own = () => listener()
      listeners.add(own)
      listening ??= begin()
      return () => leave(own)
    },
    async close() {
      for (const listener of listeners) leave(listener)
      await Promise.all([announcer.close(), ...ended])
    },
  }
}

/** The same for all who share the tables. Postgres keeps 63 bytes of a name, which schema and prefix may exceed. */
export function channelOf({ schema, tablePrefix }: Settings): string {
  return `hookferry_${createHash('sha1').update(`${schema}.${tablePrefix}`).digest('hex')}`
}

interface Ear {
  settings: Settings
  channel: string
  /** Whose own notifications are passed over. */
  node: string
  tell(): void
}

/** Resolves after `ending`, with its connection closed; never rejects. */
async function listenUntil(ending: AbortSignal, ear: Ear): Promise<void> {
  let waitMs = AGAIN_MS.first
  let missed = false
  const ready = () => {
    waitMs = AGAIN_MS.first
    // Nobody knows what was said while nobody listened.
    if (missed) ear.tell()
  }
  while (!ending.aborted && mayListen(ear.settings.pool)) {
    await listenOnce(ending, ear, ready).catch(() => {})
    missed = true
    await pause(waitMs, ending)
    waitMs = Math.min(waitMs * 2, AGAIN_MS.max)
  }
}

function mayListen(pool: PgPool | null): boolean {
  return pool === null || (!pool.ending && (pool.options?.max ?? 0) >= POOL_MIN)
}

/** Until `ending`, or until the connection is lost. */
async function listenOnce(ending: AbortSignal, { settings, channel, node, tell }: Ear, ready: () => void) {
  const line = await openLine(settings, ending)
  if (line === null) return
  const lost = new AbortController()
  const over = AbortSignal.any([ending, lost.signal])
  try {
    const { client } = line
    client.on('error', () => lost.abort())
    client.on('end', () => lost.abort())
    client.on('notification', ({ payload }) => {
      if (payload !== node && !over.aborted) tell()
    })
    await within(ANSWER_MS, over, client.query({ text: `LISTEN "${channel}"` }))
    if (!over.aborted) ready()
    while (!over.aborted) {
      await pause(CHECK_MS, over)
      // A pool that is being ended waits until all its connections are back.
      if (settings.pool?.ending) return
      if (!over.aborted) await within(ANSWER_MS, over, client.query({ text: 'SELECT 1' }))
    }
  } finally {
    lost.abort()
    await line.close()
  }
}

interface Line {
  client: ListeningClient
  close(): Promise<void>
}

/** A connection for this alone. Null: `ending` came first. */
function openLine(settings: Settings, ending: AbortSignal): Promise<Line | null> {
  return settings.pool === null ? openOwn(settings, ending) : borrow(settings.pool, settings, ending)
}

async function openOwn({ connectionString }: Settings, ending: AbortSignal): Promise<Line | null> {
  const { Client } = loadDriver()
  const client = new Client({ connectionString, ...CONNECTION })
  client.on('error', () => {})
  client.unref?.()
  const close = async () => {
    // Whether it says good-bye or not, the socket is gone afterwards.
    await within(END_MS, NEVER, client.end()).catch(() => {})
    client.connection?.stream?.destroy()
  }
  try {
    await within(CONNECT_MS, ending, client.connect())
    // Another socket, where TLS has been put around the first.
    client.unref?.()
    if (!ending.aborted) return { client, close }
  } catch (error) {
    await close()
    throw error
  }
  await close()
  return null
}

async function borrow(pool: PgPool, settings: Settings, ending: AbortSignal): Promise<Line | null> {
  const coming = connect(pool, settings)
  const client = await within(CONNECT_MS, ending, coming)
  if (client === undefined) {
    coming.then((late) => late.release()).catch(() => {})
    return null
  }
  client.unref?.()
  // Closed, since it listens and is unref'd: neither is to be found by whoever comes next.
  return { client, close: async () => client.release(true) }
}
