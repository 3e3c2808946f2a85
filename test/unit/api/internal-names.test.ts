import { inspect } from 'node:util'
import { createTestSender } from 'hookferry/testing'
import { describe, expect, it } from 'vitest'

/** Behind `forTenant` stands a customer, who is not to learn what names mean in the operator's network. */
const inside = '10.2.3.4'

function insiders(addressesOf: () => string) {
  const resolve = async () => [{ address: addressesOf(), family: 4 as const }]
  return createTestSender({ runtime: { resolve }, network: { denyRanges: ['203.0.113.0/24'] } })
}

describe('a name that leads to an address which is not allowed', () => {
  it('is refused without a word on the address; the operator finds it in the cause', async () => {
    const { sender } = insiders(() => inside)
    const acme = sender.forTenant('acme')
    const refusal = await acme.endpoints.create({ url: 'https://vault.internal.example/' }).catch((error) => error)
    expect(refusal).toMatchObject({ code: 'endpoint_address_blocked' })
    expect(refusal.message).not.toMatch(/10\.|private/)
    expect(refusal.cause.message).toMatch(/^10\.2\.3\.4 is blocked: private/)
    await sender.stop()
  })

  it('leaves nothing of the address in attempts, nor in a test of the endpoint', async () => {
    let address = '198.51.99.1'
    const { sender } = insiders(() => address)
    const acme = sender.forTenant('acme')
    const { id } = await acme.endpoints.create({ url: 'https://vault.internal.example/' })
    address = inside
    const { id: eventId } = await acme.send({ type: 'invoice.paid', data: {} })
    await sender.drain()
    const [delivery] = (await acme.deliveries.list({ eventId })).items
    const seen = [await acme.endpoints.test(id), ...(await acme.deliveries.attempts(delivery?.id ?? '')).items]
    expect(seen).toHaveLength(2)
    for (const attempt of seen) {
      expect(attempt).toMatchObject({ outcome: 'blocked', remoteAddress: null })
      expect(inspect(attempt, { depth: null })).not.toMatch(/10\.2\.3\.4|private/)
    }
    await sender.stop()
  })
})

it('names an address that the customer gave, and no range of the operator', async () => {
  const { sender } = insiders(() => inside)
  const refusal = await sender.endpoints.create({ url: 'https://203.0.113.7/' }).catch((error) => error)
  expect(refusal.message).toMatch(/203\.0\.113\.7/)
  expect(refusal.message).not.toMatch(/203\.0\.113\.0/)
  await sender.stop()
})
