import type { Random } from '../ports/random.ts'
import type { Storage } from '../ports/storage.ts'
import type { EndpointCache } from './endpoint-cache.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { Permits } from './permits.ts'
import type { Settings } from './settings.ts'
import type { StorageClock } from './storage-clock.ts'
import type { Weather } from './weather.ts'

/** What every part of the engine works with. */
export interface EngineContext {
  settings: Settings
  storage: Storage
  clock: StorageClock
  random: Random
  /** This sender's name on leases. */
  worker: string
  endpoints: EndpointCache
  permits: Permits
  weather: Weather
  lifecycle: Lifecycle
}
