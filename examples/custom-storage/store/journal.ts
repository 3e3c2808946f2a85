import { type FileHandle, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import { WebhookError } from 'hookferry/storage'

/** A key with its new value; null: it is gone. */
export type Change = readonly [key: string, value: string | null]

/** Before each batch: the length of its text, and its checksum. */
const HEADER_BYTES = 8

/** One call that waits for the disk. */
interface Waiting {
  changes: readonly Change[]
  /** Takes its changes back in memory. */
  undo: () => void
  resolve: () => void
  reject: (error: unknown) => void
}

/**
 * A file to which batches of changes are appended. A batch counts as a whole or not at all: its checksum goes on from that of the
 * batch before, so that neither half a batch nor the remains of one that failed are ever taken for one.
 */
export class Journal {
  readonly #file: FileHandle
  #bytes: number
  #checksum: number
  #waiting: Waiting[] = []
  #writing = false
  /** Set when the end of the file is no longer known: nothing can be appended any more. */
  #broken: WebhookError | null = null

  constructor(file: FileHandle, { bytes, checksum }: { bytes: number; checksum: number }) {
    this.#file = file
    this.#bytes = bytes
    this.#checksum = checksum
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Resolves once this batch, and all before it, are on the disk. What comes while the disk is busy shares the next sync. */
  append(changes: readonly Change[], undo: () => void): Promise<void> {
    if (changes.length === 0 && !this.#writing) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#waiting.push({ changes, undo, resolve, reject })
      if (!this.#writing) void this.#work()
    })
  }

  async close(): Promise<void> {
    await this.append([], () => {}).catch(() => {})
    await this.#file.close()
  }

  async #work(): Promise<void> {
    this.#writing = true
    while (this.#waiting.length > 0) {
      // A turn of the event loop, for calls that begin in this very moment.
      await new Promise(setImmediate)
      const group = this.#waiting.splice(0)
      try {
        await this.#write(group.flatMap(({ changes }) => (changes.length === 0 ? [] : [changes])))
        for (const { resolve } of group) resolve()
      } catch (error) {
        // Whoever came since has seen, and built upon, what is now taken back.
        const failed = [...group, ...this.#waiting.splice(0)]
        for (const { undo } of failed.toReversed()) undo()
        // Cut off, nothing of it was written. If it cannot be cut off nobody knows, and that is another answer.
        const doubt = await this.#file.truncate(this.#bytes).then(() => null, doubtful)
        this.#broken = doubt
        for (const { reject } of failed) reject(doubt ?? error)
      }
    }
    this.#writing = false
  }

  async #write(batches: readonly (readonly Change[])[]): Promise<void> {
    if (this.#broken !== null) throw this.#broken
    if (batches.length === 0) return
    const { bytes, checksum } = encode(batches, this.#checksum)
    for (let done = 0; done < bytes.length; ) {
      done += (await this.#file.write(bytes, done, bytes.length - done, this.#bytes + done)).bytesWritten
    }
    await this.#file.datasync()
    this.#bytes += bytes.length
    this.#checksum = checksum
  }
}

/** What a failure is called after which a batch may or may not have been written. */
function doubtful(cause: unknown): WebhookError {
  return new WebhookError('storage_unavailable', 'The journal cannot be written any more: open it again.', { cause })
}

function encode(batches: readonly (readonly Change[])[], checksum: number): { bytes: Buffer; checksum: number } {
  let last = checksum
  const parts = batches.flatMap((batch) => {
    const text = Buffer.from(JSON.stringify(batch))
    last = crc32(text, last)
    const header = Buffer.alloc(HEADER_BYTES)
    header.writeUInt32BE(text.length, 0)
    header.writeUInt32BE(last, 4)
    return [header, text]
  })
  return { bytes: Buffer.concat(parts), checksum: last }
}

/** The bytes of a journal; none, if there is none yet. */
export async function readJournal(path: string): Promise<Buffer> {
  return readFile(path).catch((error) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0)
    throw error
  })
}

/** The batches of a journal, up to the first that is not whole; `lostBytes` are from there on. */
export function decode(bytes: Buffer): { batches: Change[][]; lostBytes: number } {
  const batches: Change[][] = []
  let at = 0
  let checksum = 0
  while (bytes.length - at >= HEADER_BYTES) {
    const length = bytes.readUInt32BE(at)
    const expected = bytes.readUInt32BE(at + 4)
    const text = bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length)
    if (text.length < length || crc32(text, checksum) !== expected) break
    batches.push(JSON.parse(text.toString()))
    checksum = expected
    at += HEADER_BYTES + length
  }
  return { batches, lostBytes: bytes.length - at }
}

/** Puts a journal of these batches in the place of the one that is there, at once or not at all, and opens it. */
export async function replaceJournal(path: string, batches: Iterable<readonly Change[]>): Promise<Journal> {
  const file = await open(`${path}.new`, 'w+')
  try {
    const end = { bytes: 0, checksum: 0 }
    for (const batch of batches) {
      const { bytes, checksum } = encode([batch], end.checksum)
      await file.appendFile(bytes)
      end.bytes += bytes.length
      end.checksum = checksum
    }
    await file.sync()
    await rename(`${path}.new`, path)
    await syncFolder(dirname(path))
    return new Journal(file, end)
  } catch (error) {
    await file.close()
    throw error
  }
}

/** A new name is on the disk only once its folder is. Windows knows no such thing. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
