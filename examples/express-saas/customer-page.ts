import express, { type ErrorRequestHandler, type Request, type Response, Router } from 'express'
import type { AnyTenantSender } from 'hookferry'
import type { Html } from './html.ts'
import {
  deliveryPage,
  type EndpointForm,
  endpointPage,
  endpointsPage,
  notFoundPage,
  secretPage,
  testPage,
} from './views.ts'

export interface CustomerPageOptions {
  /** The sender of the customer who is signed in: `sender.forTenant(…)`, which finds nothing of anybody else's. */
  webhooksOf(request: Request): AnyTenantSender
  /** The types that a customer may choose from. */
  eventTypes: readonly string[]
}

const EMPTY_FORM: EndpointForm = { url: '', eventTypes: [], problem: null }

/**
 * The page on which a customer looks after their own endpoints. Mount it behind your sign-in, and behind your guard against
 * cross-site requests: every POST here acts for whoever is signed in.
 */
export function customerPage({ webhooksOf, eventTypes }: CustomerPageOptions): Router {
  const router = Router()
  router.use(express.urlencoded({ extended: false, limit: '20kb' }))

  router.get('/', async (request, response) => {
    const endpoints = await webhooksOf(request).endpoints.list(pageOf(request))
    show(response, endpointsPage(request.baseUrl, eventTypes, endpoints, EMPTY_FORM))
  })

  // #region add
  router.post('/endpoints', async (request, response) => {
    const { endpoints } = webhooksOf(request)
    const form = formOf(request, eventTypes)
    try {
      const chosen = form.eventTypes.length === 0 ? null : form.eventTypes
      const endpoint = await endpoints.create({ url: form.url, eventTypes: chosen })
      show(response.status(201), secretPage(request.baseUrl, endpoint, endpoint.secret))
    } catch (error) {
      const problem = PROBLEMS[codeOf(error)]
      if (problem === undefined) throw error
      const page = endpointsPage(request.baseUrl, eventTypes, await endpoints.list(), { ...form, problem })
      show(response.status(422), page)
    }
  })
  // #endregion

  router.get('/endpoints/:id', async (request, response) => {
    const { endpoints, deliveries } = webhooksOf(request)
    const endpoint = await endpoints.get(request.params.id)
    if (endpoint === null) return notFound(response)
    const newest = await deliveries.list({ endpointId: endpoint.id, ...pageOf(request) })
    show(response, endpointPage(request.baseUrl, endpoint, newest))
  })

  for (const change of ['pause', 'resume', 'enable'] as const) {
    router.post(`/endpoints/:id/${change}`, async (request, response) => {
      const { id } = await webhooksOf(request).endpoints[change](String(request.params.id))
      response.redirect(303, `${request.baseUrl}/endpoints/${id}`)
    })
  }

  router.post('/endpoints/:id/secret', async (request, response) => {
    const { endpoints } = webhooksOf(request)
    const endpoint = await endpoints.get(request.params.id)
    if (endpoint === null) return notFound(response)
    const { secret } = await endpoints.rotateSecret(endpoint.id) // the former one signs as well, for a day
    show(response, secretPage(request.baseUrl, endpoint, secret))
  })

  router.post('/endpoints/:id/test', async (request, response) => {
    const { endpoints } = webhooksOf(request)
    const endpoint = await endpoints.get(request.params.id)
    if (endpoint === null) return notFound(response)
    show(response, testPage(request.baseUrl, endpoint, await endpoints.test(endpoint.id)))
  })

  // #region look
  router.get('/deliveries/:id', async (request, response) => {
    const { deliveries, events } = webhooksOf(request)
    const delivery = await deliveries.get(request.params.id)
    if (delivery === null) return notFound(response)
    const event = await events.get(delivery.eventId)
    const attempts = await deliveries.attempts(delivery.id, pageOf(request))
    show(response, deliveryPage(request.baseUrl, delivery, event, attempts))
  })

  router.post('/deliveries/:id/replay', async (request, response) => {
    const webhooks = webhooksOf(request)
    const delivery = await webhooks.deliveries.get(request.params.id)
    if (delivery === null) return notFound(response)
    await webhooks.replay({ ids: [delivery.id] })
    response.redirect(303, `${request.baseUrl}/deliveries/${delivery.id}`)
  })
  // #endregion

  router.use(refused)
  return router
}

// #region refused
/** What `create` refuses, in the customer's words. Ours would tell them of options that only you have. */
const PROBLEMS: Record<string, string> = {
  endpoint_url_invalid: 'We cannot deliver to this URL. Give one that begins with https:// and has no password in it.',
  endpoint_address_blocked: 'We deliver to public addresses only, and this one is not public.',
}

const refused: ErrorRequestHandler = (error, _request, response, next) => {
  const code = codeOf(error)
  if (NOT_FOUND.has(code)) notFound(response)
  // Somebody was faster, in another tab or by policy.
  else if (code === 'endpoint_state_invalid')
    response.status(409).send('It has changed meanwhile: go back, and reload.')
  else if (code === 'busy') response.status(503).send('Too much at once: try again in a moment.')
  else next(error)
}

/** The last three: an id or a cursor that was typed by hand, in a form that none of ours has. */
const NOT_FOUND = new Set([
  'endpoint_not_found',
  'delivery_not_found',
  'argument_invalid',
  'argument_range',
  'cursor_invalid',
])
// #endregion

/** Errors are told apart by their code, never by their class. */
function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

function show(response: Response, page: Html): void {
  // Nothing that is shown here belongs in a cache or in another site's frame, and there is no script in it.
  response.set({
    'cache-control': 'no-store',
    'content-security-policy':
      "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
  })
  response.type('html').send(page.text)
}

const notFound = (response: Response): void => show(response.status(404), notFoundPage())

const pageOf = ({ query }: Request): { cursor?: string } =>
  typeof query.cursor === 'string' ? { cursor: query.cursor } : {}

/** One ticked box comes as a string, several as a list. */
function formOf(request: Request, known: readonly string[]): EndpointForm {
  const { url, eventTypes } = request.body as Record<string, string | string[] | undefined>
  const ticked = [eventTypes ?? []].flat()
  return { ...EMPTY_FORM, url: String(url ?? '').trim(), eventTypes: known.filter((type) => ticked.includes(type)) }
}
