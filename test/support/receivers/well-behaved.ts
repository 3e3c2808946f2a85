import { httpReceiver, type Receiver, type TlsFiles } from './receiver.ts'

/** Answers 200 with a short body. */
export function friendly(tls?: TlsFiles): Promise<Receiver> {
  return httpReceiver((response) => response.end('ok'), tls)
}

/** Answers with a status, and headers and a body when given. */
export function answering(status: number, headers: Record<string, string> = {}, body = ''): Promise<Receiver> {
  return httpReceiver((response) => response.writeHead(status, headers).end(body))
}

/** 204, without a body. */
export function noContent(): Promise<Receiver> {
  return answering(204)
}

/** 302 to somewhere else. */
export function redirecting(to: string): Promise<Receiver> {
  return answering(302, { location: to }, 'moved')
}
