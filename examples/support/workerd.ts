import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'

const run = promisify(execFile)
const require = createRequire(import.meta.url)
/** The package says where its program lies. */
const workerd: { default: string } = require('workerd')

/** A worker that runs in workerd, the runtime of Cloudflare Workers. */
export interface Edge {
  /** On a port of loopback. */
  url: string
  /** The one file that runs there. */
  code: string
  stop: () => Promise<void>
}

/** Bundles a module worker and serves it, without anything of Node in its runtime. `bindings` are the texts of its `env`. */
export async function serveOnTheEdge(entry: string, bindings: Record<string, string> = {}): Promise<Edge> {
  const folder = await mkdtemp(join(tmpdir(), 'hookferry-edge-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    await bundle(entry, folder)
    await writeFile(join(folder, 'config.capnp'), config(bindings))
    const { url, stop } = await serve(folder)
    const code = await readFile(join(folder, 'worker.js'), 'utf8')
    return { url, code, stop: () => stop().then(remove) }
  } catch (error) {
    await remove()
    throw error
  }
}

/** As a bundler for workers does it: everything in one file, packages in their browser form. */
async function bundle(entry: string, folder: string): Promise<void> {
  const options = {
    entry: { worker: entry },
    outDir: folder,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    noExternal: ['tweetnacl'],
    removeNodeProtocol: false,
  }
  const file = join(folder, 'tsup.config.json')
  await writeFile(file, JSON.stringify(options))
  await run(process.execPath, [require.resolve('tsup/dist/cli-default.js'), '--silent', '--config', file])
}

/** Of a date at which the runtime gave workers nothing of Node unasked: this one has what the web has, and no more. */
const config = (bindings: Record<string, string>): string => `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "worker.js")],
  bindings = [${Object.entries(bindings)
    .map(([name, text]) => `(name = ${JSON.stringify(name)}, text = ${JSON.stringify(text)})`)
    .join(', ')}],
  compatibilityDate = "2024-01-01",
);
`

/** Starts the runtime, which tells its port on file descriptor 3. Rejects with what it wrote when it ends instead. */
async function serve(folder: string): Promise<{ url: string; stop: () => Promise<void> }> {
  const args = ['serve', join(folder, 'config.capnp'), '--control-fd=3']
  const child = spawn(workerd.default, args, { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'close')
  const [, , stderr, control] = child.stdio as unknown as Readable[]
  let told = ''
  stderr?.on('data', (text) => (told += text))
  const listening = control === undefined ? Promise.reject(new Error('no control')) : portOf(control)
  const port = await Promise.race([listening, ended.then(() => null)])
  if (port === null) throw new Error(`workerd ended before it listened: ${told}`)
  const stop = async () => {
    child.kill()
    await ended
  }
  return { url: `http://127.0.0.1:${port}/`, stop }
}

async function portOf(control: Readable): Promise<number> {
  let text = ''
  for await (const chunk of control) {
    text += chunk
    const port = /"port":(\d+)/.exec(text)?.[1]
    if (port !== undefined) return Number(port)
  }
  throw new Error('workerd told no port')
}
