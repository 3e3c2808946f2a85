import { nodeFetchTransport } from '../../src/transports/node-fetch.ts'
import { undiciTransport } from '../../src/transports/undici.ts'

/** All transports, for the tests that each of them passes. */
export const TRANSPORTS = [
  {
    name: 'node-fetch',
    create: nodeFetchTransport,
    /** What its options are called in errors. */
    option: 'nodeFetchTransport',
    /** What the client adds of its own. */
    ownHeaders: { accept: '*/*' },
  },
  { name: 'undici', create: undiciTransport, option: 'undiciTransport', ownHeaders: {} },
]
