import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { freePort } from '../../support/postgres/server.ts'

const MISSING = 'redis-server is not installed, and BullMQ needs one: `apt-get install redis-server` (Debian)'
const START_MS = 10_000

export interface RedisServer {
  port: number
  version: string
  stop(): Promise<void>
}

/** A Redis of our own on loopback, empty, which keeps each write as BullMQ's guide for production asks for. */
export async function startRedis(folder: string, appendfsync: 'always' | 'everysec'): Promise<RedisServer> {
  const port = await freePort()
  const dir = join(folder, 'redis')
  mkdirSync(dir)
  const settings = {
    port,
    dir,
    appendfsync,
    bind: '127.0.0.1',
    appendonly: 'yes',
    save: '',
    'maxmemory-policy': 'noeviction',
  }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
  const server = spawn('redis-server', args, { stdio: 'ignore' })
  const failed = once(server, 'error').then(([cause]) => {
    throw new Error(MISSING, { cause })
  })
  // It answers once it is up: until then the client connects again and again.
  const client = new Redis({ port, host: '127.0.0.1', maxRetriesPerRequest: null, retryStrategy: () => 20 })
  client.on('error', () => {})
  try {
    const info = await Promise.race([client.info('server'), failed, sleep(START_MS, null, { ref: false })])
    if (info === null) throw new Error(`redis-server does not answer within ${START_MS} ms`)
    const version = /redis_version:(\S+)/.exec(info)?.[1] ?? ''
    return {
      port,
      version,
      async stop() {
        const ended = once(server, 'exit')
        server.kill()
        await ended
      },
    }
  } catch (error) {
    server.kill()
    throw error
  } finally {
    client.disconnect()
  }
}
