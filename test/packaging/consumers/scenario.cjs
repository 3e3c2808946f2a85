// The main job, as each consumer runs it: one event through a SQLite file and a real HTTP server.
const assert = require('node:assert/strict')
const { once } = require('node:events')
const { mkdtempSync, rmSync, statSync } = require('node:fs')
const { createServer } = require('node:http')
const { tmpdir } = require('node:os')
const { join } = require('node:path')

/** `entries` are the package's subpaths as the consumer loaded them. */
exports.scenario = async (entries) => {
  await job(entries, false)
  await job(entries, true)
}

/** `thread`: the database is worked on in a thread of its own, and undici sends. */
async function job({ main, sqlite, postgres, memory, storage, testing, nodeFetch, undici, events, verify }, thread) {
  assert.equal(typeof memory.memory, 'function')
  assert.equal(postgres.postgres({ connectionString: 'postgres://localhost' }).name, 'postgres')
  assert.equal(typeof testing.createTestSender, 'function')
  assert.equal(typeof storage, 'object')
  // Subpaths share one copy of what they have in common.
  assert.throws(() => sqlite.sqlite({ path: '' }), main.ArgumentError)
  assert.throws(() => events.defineEvents({ 'not a name': events.event() }), main.ArgumentError)

  const folder = mkdtempSync(join(tmpdir(), 'hookferry-'))
  const requests = []
  const server = createServer(async (request, response) => {
    const chunks = await request.toArray()
    requests.push({ headers: request.headers, body: Buffer.concat(chunks) })
    response.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')

  const path = join(folder, 'webhooks.db')
  const sender = main.createWebhookSender({
    storage: sqlite.sqlite({ path, thread }),
    transport: thread ? undici.undiciTransport() : nodeFetch.nodeFetchTransport(),
    events: events.defineEvents({ 'invoice.paid': events.event() }),
    network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
  })
  try {
    await sender.start()
    const url = `http://127.0.0.1:${server.address().port}/hook`
    const { secret } = await sender.endpoints.create({ url, eventTypes: ['invoice.*'] })
    const delivered = new Promise((resolve) => sender.on('delivery.delivered', resolve))
    const { id } = await sender.send({ type: 'invoice.paid', data: { invoice: 'inv_1' } })
    await delivered

    const { items } = await sender.deliveries.list({ eventId: id })
    assert.deepEqual(
      items.map(({ state, attemptCount }) => ({ state, attemptCount })),
      [{ state: 'delivered', attemptCount: 1 }],
    )
    assert.equal(requests.length, 1)
    const [{ headers, body }] = requests
    assert.equal(headers['webhook-id'], id)
    const event = await verify.verify({ headers, body }, secret)
    assert.equal(event.id, id)
    assert.equal(event.type, 'invoice.paid')
    assert.deepEqual(event.data, { invoice: 'inv_1' })
    const forged = verify.verify({ headers, body: `${body} ` }, secret)
    await assert.rejects(forged, { name: 'VerificationError', code: 'signature_mismatch' })
    assert.ok(statSync(path).size > 0)
  } finally {
    await sender.stop({ graceMs: 1_000 })
    server.close()
    rmSync(folder, { recursive: true })
  }
}
