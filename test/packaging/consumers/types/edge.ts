// A worker: it has the types of the web, and none of Node.
import { type Verified, verify } from 'hookferry/verify'

export async function receive(request: Request, secrets: string[]): Promise<Verified> {
  // @ts-expect-error nor anything of Node
  process.exit()
  return verify(request, secrets, { toleranceMs: 60_000 })
}
