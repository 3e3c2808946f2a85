import { createRequire } from 'node:module'
import type { Client, Dispatcher } from 'undici'
import { errorCode, WebhookError } from '../../errors.ts'

/** The part of undici that is used. */
export interface Driver {
  Client: new (origin: string, options: Client.Options) => Dispatcher
}

type Require = (name: string) => unknown

/** Loads undici when it is first needed, so that a host without it can import everything else. */
export function loadDriver(load: Require = createRequire(import.meta.url)): Driver {
  try {
    const { version } = load('undici/package.json') as { version: string }
    if (Number.parseInt(version, 10) !== 7) throw new Error(`undici ${version} is installed`)
    return load('undici') as Driver
  } catch (cause) {
    const missing = errorCode(cause) === 'MODULE_NOT_FOUND'
    throw new WebhookError(
      missing ? 'driver_missing' : 'driver_unsupported',
      missing
        ? 'The undici transport needs undici, which is not installed. Run: npm install undici@7'
        : 'The undici transport needs undici 7, and what is installed does not load as that. Run: npm install undici@7',
      { cause },
    )
  }
}
