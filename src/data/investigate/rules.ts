// What counts as a failure, as denied, as authentication and as security: the one place, as conditions on columns of an event.

/** The last word of the type says it where the application left the outcome at its default. */
export const isDenied = `(outcome = 'denied' or event_type ~* '[._:-]denied$')`
export const isFailed = `(outcome in ('failure', 'error') or event_type ~* '[._:-](failed|failure|invalid)$')`
export const isCritical = "(severity = 'critical')"
export const isSecurity = `(coalesce(category, '') ~* '^security$' or event_type ~* '^security([._:-]|$)')`
/** Authorization is another thing: who is refused a document is no one guessing passwords. */
export const isAuthentication = `(event_type !~* '^(authz|authorization)([._:-]|$)' and (
    coalesce(category, '') ~* '^(auth|authentication)$' or event_type ~* '^(auth|authentication)([._:-]|$)'
    or event_type ~* '(^|[._:-])(log_?in|log_?on|sign_?in)([._:-]|$)'))`

/** The same for people. */
export const rules =
  "Failed: the outcome is failure or error, or the type ends with failed, failure or invalid. Denied: the outcome is denied, or the type ends " +
  "with denied. Security: the category is security, or the type begins so. An authentication failure is a failed or denied event whose " +
  "category is auth or authentication, whose type begins so, or has the word login, logon or signin; of authorization (authz) it is none."
