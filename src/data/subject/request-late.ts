// Which requests were not answered in time.

/** A condition on a request `r`: an extension takes the decision within the first month. */
export const extendedLate = `coalesce(r.extended_at > (date_trunc('day', r.received_at at time zone 'UTC' + interval '1 month')
  + interval '1 day') at time zone 'UTC', false)`
/** A condition on a request `r`. */
export const isLate = `(coalesce(r.closed_at, now()) > r.due_at or ${extendedLate})`
