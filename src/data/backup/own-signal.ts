// A signal for one of several that work at once: what each of them has listen to it does not add up, and Node warns of more than ten.

/** Ends with the first of them; without any it never does. */
export const ownSignal = (...signals: readonly (AbortSignal | undefined)[]): AbortSignal =>
  AbortSignal.any(signals.filter((signal) => signal !== undefined))
