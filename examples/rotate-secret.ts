// A customer's secret is changed without losing a request, and revoked at once when it has leaked. Secrets are sealed in the database.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createWebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { verify } from 'hookferry/verify'
import { startReceiver } from './support/receiver.ts'
import { scratch } from './support/scratch.ts'
import { until } from './support/until.ts'

const folder = await scratch()
const receiver = await startReceiver()
const path = folder.path('webhooks.db')
const secretsKey = randomBytes(32).toString('base64') // yours comes from where you keep such things

// #region sender
const sender = createWebhookSender({
  storage: sqlite({ path }),
  secretsKey, // 32 bytes: what openssl rand -base64 32 prints
  network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] }, // to try it on one machine; leave it out in production
})
// #endregion
await sender.start()

/** Sends an event, and tells by which of these secrets the customer can verify what came. */
async function verifiesWith(...secrets: string[]): Promise<boolean[]> {
  const before = receiver.requests.length
  await sender.send({ type: 'invoice.paid', data: { invoice: 'inv_1' } })
  const request = await until(() => receiver.requests[before])
  const verdicts = secrets.map((secret) =>
    verify(request, secret).then(
      () => true,
      () => false,
    ),
  )
  return Promise.all(verdicts)
}

const endpoint = await sender.endpoints.create({ url: receiver.url })
const { id } = endpoint
assert.deepEqual(await verifiesWith(endpoint.secret), [true])

// #region rotate
// The customer asks for a new secret. For 24 h both sign, so that they may change over when they like.
const { secret } = await sender.endpoints.rotateSecret(id)
// #endregion
assert.deepEqual(await verifiesWith(secret, endpoint.secret), [true, true])
console.log('both secrets sign while they overlap')

// #region reveal
// They look at it again on their page.
const { secrets } = await sender.endpoints.revealSecrets(id)
for (const { secret, expiresAt } of secrets) {
  const until = expiresAt === null ? '' : `, signs until ${expiresAt.toISOString()}`
  console.log(`${secret.slice(0, 10)}…${until}`)
}
// #endregion
assert.deepEqual(
  secrets.map(({ secret }) => secret),
  [secret, endpoint.secret],
)

// #region revoke
// Somebody has read it: nothing more is signed with it, nor with any other one of before.
const replacement = await sender.endpoints.rotateSecret(id, { overlapMs: 0 })
// #endregion
assert.deepEqual(await verifiesWith(replacement.secret, secret, endpoint.secret), [true, false, false])
console.log('after it was revoked, the new one alone signs')
await sender.stop()

const newKey = randomBytes(32).toString('base64')
const options = { storage: sqlite({ path }) }
// #region change-key
// The key itself is changed: the first one seals, all of them open.
const again = createWebhookSender({ ...options, secretsKey: [newKey, secretsKey] })
const { examined, resealed } = await again.resealSecrets()
console.log(`${resealed} of ${examined} endpoints were sealed with the new key; the old one is needed no more`)
// #endregion
assert.deepEqual([examined, resealed], [1, 1])
await again.stop()

const last = createWebhookSender({ storage: sqlite({ path }), secretsKey: newKey })
assert.equal((await last.endpoints.revealSecrets(id)).secrets[0]?.secret, replacement.secret)
await last.stop()
await receiver.close()
await folder.remove()
