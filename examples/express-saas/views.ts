import type { Attempt, Delivery, Endpoint, Listed, WebhookEvent } from 'hookferry'
import { type Html, html } from './html.ts'

/** What the customer sees. `base` is where the page is mounted, such as `/webhooks`. */

const page = (title: string, content: Html): Html => html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>body { font: 16px/1.5 system-ui; max-width: 60rem; margin: 2rem auto } td, th { text-align: left; padding-right: 1.5rem } form { display: inline-block }</style>
<h1>${title}</h1>
${content}
</html>`

const time = (moment: Date | null): Html | null =>
  moment === null ? null : html`<time datetime="${moment.toISOString()}">${moment.toUTCString()}</time>`

/** A form of one button. */
const button = (action: string, label: string): Html =>
  html`<form method="post" action="${action}"><button>${label}</button></form>`

export interface EndpointForm {
  url: string
  eventTypes: string[]
  /** Why it was refused. */
  problem: string | null
}

export function endpointsPage(base: string, known: readonly string[], endpoints: Listed<Endpoint>, form: EndpointForm) {
  return page(
    'Webhooks',
    html`
<table>
  <tr><th>Endpoint</th><th>Events</th><th>State</th></tr>
  ${endpoints.items.map(
    ({ id, url, eventTypes, state }) => html`<tr>
    <td><a href="${base}/endpoints/${id}">${url}</a></td><td>${eventTypes?.join(', ') ?? 'all'}</td><td>${state}</td>
  </tr>`,
  )}
</table>
${older(base, endpoints)}
<h2>Add an endpoint</h2>
${form.problem === null ? null : html`<p role="alert">${form.problem}</p>`}
<form method="post" action="${base}/endpoints">
  <p><label>URL <input name="url" type="url" size="60" required value="${form.url}"></label></p>
  <fieldset>
    <legend>Events; none ticked: all</legend>
    ${known.map(
      (type) =>
        html`<label><input type="checkbox" name="eventTypes" value="${type}"${form.eventTypes.includes(type) ? html` checked` : null}> ${type}</label>`,
    )}
  </fieldset>
  <p><button>Add</button></p>
</form>`,
  )
}

export function secretPage(base: string, endpoint: Endpoint, secret: string): Html {
  return page(
    'Your signing secret',
    html`
<p>Requests to ${endpoint.url} are signed with it. Keep it now: it is not shown again.</p>
<p><code>${secret}</code></p>
<p><a href="${base}/endpoints/${endpoint.id}">Go on to the endpoint</a></p>`,
  )
}

export function endpointPage(base: string, endpoint: Endpoint, deliveries: Listed<Delivery>): Html {
  const { id, url, state, stateReason, health } = endpoint
  const here = `${base}/endpoints/${id}`
  const change = { active: 'pause', paused: 'resume', disabled: 'enable' }[state]
  return page(
    url,
    html`
<p>It is <strong>${state}</strong>${stateReason === null ? null : html` (${stateReason})`}.
${state === 'active' ? null : html`What happens now is kept, and delivered once it is active again.`}
${health.failingSince === null ? null : html`Failing since ${time(health.failingSince)}: ${health.failures} attempts.`}</p>
${button(`${here}/${change}`, change)} ${button(`${here}/test`, 'send a test event')} ${button(`${here}/secret`, 'new secret')}
<h2>Deliveries</h2>
<table>
  <tr><th>When</th><th>Event</th><th>State</th><th>Attempts</th><th>Next attempt</th></tr>
  ${deliveries.items.map(
    (delivery) => html`<tr>
    <td><a href="${base}/deliveries/${delivery.id}">${time(delivery.createdAt)}</a></td><td>${delivery.type}</td>
    <td>${stateOf(delivery, endpoint)}</td><td>${delivery.attemptCount}</td>
    <td>${state === 'active' ? time(delivery.nextAttemptAt) : null}</td>
  </tr>`,
  )}
</table>
${older(here, deliveries)}
<p><a href="${base}">All endpoints</a></p>`,
  )
}

export function deliveryPage(
  base: string,
  delivery: Delivery,
  event: WebhookEvent | null,
  attempts: Listed<Attempt>,
): Html {
  const here = `${base}/deliveries/${delivery.id}`
  const atRest = ['delivered', 'failed', 'canceled'].includes(delivery.state)
  return page(
    `${delivery.type}, ${delivery.eventId}`,
    html`
<p>It is <strong>${delivery.state}</strong>${delivery.reason === null ? null : html` (${delivery.reason})`}.</p>
${atRest ? button(`${here}/replay`, 'deliver again') : null}
${event === null ? null : html`<h2>What we send</h2><pre>${text(event.body)}</pre>`}
${attempts.items.map((attempt) => html`<h2>Attempt ${attempt.number}: ${attempt.outcome}</h2>${told(attempt)}`)}
${older(here, attempts)}
<p><a href="${base}/endpoints/${delivery.endpointId}">All deliveries to this endpoint</a></p>`,
  )
}

/** What became of a test, of which nothing is kept but this page. */
export function testPage(base: string, endpoint: Endpoint, attempt: Attempt): Html {
  return page(
    `Test: ${attempt.outcome}`,
    html`${told(attempt)}<p><a href="${base}/endpoints/${endpoint.id}">Back to the endpoint</a></p>`,
  )
}

const told = (attempt: Attempt): Html => html`
<p>${time(attempt.startedAt)}, to ${attempt.url}. ${attempt.error?.message ?? null}</p>
${attempt.status === null ? null : html`<p>Your server answered with ${attempt.status}:</p><pre>${text(attempt.responseBody)}</pre>`}`

export const notFoundPage = (): Html => page('There is no such page', html`<p>It may have been removed.</p>`)

/** A delivery waits without a next attempt of its own while its endpoint is not active. */
const stateOf = ({ state }: Delivery, endpoint: Endpoint): string =>
  state === 'pending' && endpoint.state !== 'active' ? 'held' : state

const older = (path: string, { nextCursor }: Listed<unknown>): Html | null =>
  nextCursor === null ? null : html`<p><a href="${path}?cursor=${nextCursor}">More</a></p>`

const text = (bytes: Uint8Array | null): string => new TextDecoder().decode(bytes ?? new Uint8Array())
