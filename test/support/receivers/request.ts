import { isTransportFailure } from '../../../src/pipeline/deliver.ts'
import type { Transport, TransportFailure, TransportRequest, TransportResponse } from '../../../src/ports/transport.ts'

/** A request to a receiver with everything filled in. */
export function requestTo(url: string, over: Partial<TransportRequest> = {}): TransportRequest {
  return {
    url,
    addresses: [{ address: '127.0.0.1', family: 4 }],
    headers: { 'content-type': 'application/json' },
    body: new TextEncoder().encode('{"hello":"there"}'),
    connectMs: 10_000,
    responseBodyMaxBytes: 16_384,
    successBodyMaxBytes: 1_024,
    responseHeadersMaxBytes: 8_192,
    signal: new AbortController().signal,
    ...over,
  }
}

/** Sends with a deadline, and says how it ended and after how long. */
export async function sendWithin(
  transport: Transport,
  deadlineMs: number,
  url: string,
  over: Partial<TransportRequest> = {},
): Promise<{ response?: TransportResponse; failure?: TransportFailure; tookMs: number }> {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(new Error('deadline')), deadlineMs)
  const startedAt = performance.now()
  const tookMs = () => performance.now() - startedAt
  try {
    const response = await transport.send(requestTo(url, { ...over, signal: controller.signal }))
    return { response, tookMs: tookMs() }
  } catch (error) {
    if (!isTransportFailure(error)) throw error
    return { failure: error, tookMs: tookMs() }
  } finally {
    clearTimeout(timer)
  }
}
