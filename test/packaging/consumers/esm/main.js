import * as main from 'hookferry'
import * as events from 'hookferry/events'
import * as memory from 'hookferry/memory'
import * as postgres from 'hookferry/postgres'
import * as sqlite from 'hookferry/sqlite'
import * as storage from 'hookferry/storage'
import * as testing from 'hookferry/testing'
import * as nodeFetch from 'hookferry/transports/node-fetch'
import * as undici from 'hookferry/transports/undici'
import * as verify from 'hookferry/verify'
import { scenario } from '../scenario.cjs'

await scenario({ main, sqlite, postgres, memory, storage, testing, nodeFetch, undici, events, verify })
