import { defineEvents, event } from 'hookferry/events'

/** What this shop tells its customers of, and with which data. */
export const events = defineEvents({
  'invoice.created': event<{ invoice: string; amount: number }>(),
  'invoice.paid': event<{ invoice: string; amount: number }>(),
  'user.invited': event<{ user: string }>(),
})
