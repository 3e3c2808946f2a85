// Tells over HTTP what verify says of a request, and what its runtime has of Node.
// biome-ignore-all lint/style/noDefaultExport: workers are exported so

import { verdictOf } from './verdict.ts'

export default {
  async fetch(request: Request): Promise<Response> {
    const asked = request.headers.get('x-asked')
    if (asked !== null) return Response.json(await verdictOf(request, JSON.parse(asked)))
    return Response.json(['process', 'Buffer', 'require', 'global'].filter((name) => name in globalThis))
  },
}
