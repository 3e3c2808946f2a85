// Lets a worker thread read TypeScript, as tsx does for the main thread only: an example's need, not yours once you build.
import { register } from 'tsx/esm/api'

register()
