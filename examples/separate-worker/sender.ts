import { createWebhookSender, type WebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'

// #region sender
/** The same in both: what one accepts is delivered, retried and given up by the settings of the other. */
export function createSender(): WebhookSender {
  return createWebhookSender({
    storage: sqlite({ path: process.env.WEBHOOKS_DB ?? 'webhooks.db' }), // postgres(…) for more than one machine
    // So that a receiver on your own machine can be tried; in production only https and public addresses.
    network: process.env.NODE_ENV === 'production' ? {} : { allowHttp: true, allowRanges: ['127.0.0.0/8', '::1/128'] },
  })
}
// #endregion
