// A log that was opened with `enabled: false`: what is appended is accepted and dropped, and that is said once, never silently.
import { emitWarning } from "node:process"
import type { Writer } from "./writer.js"

let isSaid = false

export function sayDisabled(): void {
  if (isSaid) return
  isSaid = true
  emitWarning("the audit log is disabled (enabled: false): events are dropped", { code: "PGTRAIL_DISABLED" })
}

export const disabledWriter = (): Writer => ({
  append: async () => {},
  flush: async () => {},
  close: async () => {},
  pending: 0,
  spooled: 0,
  unwritten: () => "",
  [Symbol.asyncDispose]: async () => {},
})
