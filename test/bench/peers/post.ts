import { createHmac, randomBytes } from 'node:crypto'
import { Agent as HttpAgent } from 'node:http'
import fetch from 'node-fetch'
import { Agent, request } from 'undici'
import type { Client } from '../clients.ts'
import { IN_FLIGHT } from './contest.ts'

/** Signs as Standard Webhooks say, posts, and throws unless it was answered with 200. */
export type Post = (id: string, body: string) => Promise<void>

export function postWith(client: Client, url: string): { post: Post; close(): Promise<void> } {
  const key = randomBytes(24)
  return client === 'undici' ? withUndici(url, key) : withNodeFetch(url, key)
}

function withUndici(url: string, key: Buffer) {
  const dispatcher = new Agent({ connections: IN_FLIGHT, pipelining: 1 })
  const post = async (id: string, body: string) => {
    const { statusCode, body: answer } = await request(url, {
      ...{ method: 'POST', body, headers: headersOf(id, body, key), dispatcher },
    })
    await answer.arrayBuffer()
    if (statusCode !== 200) throw new Error(`the sink answered ${statusCode}`)
  }
  return { post, close: () => dispatcher.close() }
}

function withNodeFetch(url: string, key: Buffer) {
  const agent = new HttpAgent({ keepAlive: true, maxSockets: IN_FLIGHT })
  const post = async (id: string, body: string) => {
    const response = await fetch(url, { method: 'POST', body, headers: headersOf(id, body, key), agent })
    await response.arrayBuffer()
    if (response.status !== 200) throw new Error(`the sink answered ${response.status}`)
  }
  return { post, close: async () => agent.destroy() }
}

function headersOf(id: string, body: string, key: Buffer): Record<string, string> {
  const timestamp = String(Math.floor(Date.now() / 1_000))
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  }
}
