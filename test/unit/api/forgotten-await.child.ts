import { errorCode } from 'hookferry'
import { createTestSender } from 'hookferry/testing'

/** Forgets to await, and writes down what the process was told of it. */
const told: Record<string, unknown> = {}
let call = ''
process.on('unhandledRejection', (error) => {
  told[call] = errorCode(error)
})

async function forgotten(name: string, begin: () => unknown): Promise<void> {
  call = name
  begin()
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

const { sender } = createTestSender()
await sender.health()
await forgotten('send', () => sender.send({ typ: 'a.b', data: 1 } as never))
await forgotten('ask', () => sender.events.cancel('evt_1'))
await sender.stop()
await forgotten('reseal', () => sender.resealSecrets())
process.stdout.write(JSON.stringify(told))
