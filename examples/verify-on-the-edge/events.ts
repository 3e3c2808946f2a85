import { defineEvents, event } from 'hookferry/events'

/** What sender and receiver know of each other. A receiver imports it as a type: nothing of it is in its bundle. */
export const events = defineEvents({
  'invoice.paid': event<{ invoice: string; amount: number }>(),
})
