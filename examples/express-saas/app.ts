import { createHash, timingSafeEqual } from 'node:crypto'
import express, { type Express, type Request, type RequestHandler } from 'express'
import type { WebhookSender } from 'hookferry'
import { customerPage } from './customer-page.ts'
import { events } from './events.ts'

/** The shop: it does its business, tells the customers of it, and gives them a page for their endpoints. */
export function createApp(sender: WebhookSender<typeof events>): Express {
  const app = express()
  app.disable('x-powered-by')

  app.post('/invoices/:id/pay', signedIn, async (request, response) => {
    const invoice = String(request.params.id)
    // … your own database is written here. The key makes a second click harmless.
    const { id } = await sender.send({
      tenant: customerOf(request),
      type: 'invoice.paid',
      data: { invoice, amount: 990 },
      idempotencyKey: `invoice.paid:${invoice}`,
    })
    response.status(202).json({ event: id })
  })

  // #region mount
  const webhooksOf = (request: Request) => sender.forTenant(customerOf(request))
  app.use('/webhooks', signedIn, refuseCrossSite, customerPage({ webhooksOf, eventTypes: Object.keys(events) }))
  // #endregion

  return app
}

/** Stands for your accounts and your sign-in, which hold sessions and no passwords in plain. */
const PASSWORDS = new Map([
  ['acme', 'acme-password'],
  ['globex', 'globex-password'],
])

const signedIn: RequestHandler = (request, response, next) => {
  const [customer, password] = credentialsOf(request)
  const expected = PASSWORDS.get(customer)
  if (expected !== undefined && equal(password, expected)) return next()
  response.status(401).set('www-authenticate', 'Basic realm="shop"').send('Sign in first.')
}

/** Who is signed in, behind `signedIn`. */
const customerOf = (request: Request): string => credentialsOf(request)[0]

function credentialsOf({ headers }: Request): [customer: string, password: string] {
  const [, encoded = ''] = headers.authorization?.split('Basic ') ?? []
  const [customer = '', password = ''] = Buffer.from(encoded, 'base64').toString().split(':')
  return [customer, password]
}

const equal = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b))
const digest = (text: string) => createHash('sha256').update(text).digest()

/** Browsers say where a request comes from: no other site may press the buttons. Your framework's CSRF guard does as well. */
const refuseCrossSite: RequestHandler = (request, response, next) => {
  const from = request.get('sec-fetch-site')
  if (request.method === 'GET' || from === undefined || from === 'same-origin' || from === 'none') return next()
  response.status(403).send('This came from another site.')
}
