// What people read on stderr. The rules: lowercase, no full stop, the object by name; a hint is the command to run next;
// one line each, `pgtrail: error: ...` then `pgtrail: hint: ...`; no password and no terminal escape ever passes. With
// --json an error is one JSON object, {"error":{"code","message","hint"}}, and a warning {"warning":{"message"}}; with ndjson a note too.
import type { Writable } from "node:stream"
import { visibleLines } from "../data/words.js"
import { redact } from "./redact.js"

export interface Failure {
  /** An ErrorCode, or "bug". */
  readonly code: string
  readonly message: string
  readonly hint?: string | undefined
}

export interface Messages {
  error(failure: Failure): void
  warning(text: string): void
  /** Not with --quiet, nor with --json; with ndjson a line {"note":{"message"}}. */
  note(text: string): void
  /** Further lines as they are, a stack; not with --json, whose stderr must stay JSON. */
  print(text: string): void
}

export interface MessageOptions {
  readonly json: boolean
  readonly quiet: boolean
  /** Whether notes are printed with `json` too. */
  readonly notes?: boolean
  /** To be taken out of every line. */
  readonly secrets: readonly string[]
  /** Called before each line, so that a spinner is not in the way. */
  readonly before?: () => void
}

export function createMessages(io: { readonly stderr: Writable }, options: MessageOptions): Messages {
  const clean = (text: string): string => redact(visibleLines(text), options.secrets)

  function write(text: string): void {
    options.before?.()
    io.stderr.write(text.endsWith("\n") ? text : `${text}\n`)
  }
  /** A second line of a message stands below the first, so that `grep "^pgtrail: error"` finds whole messages. */
  const line = (kind: string, text: string): void =>
    write(`pgtrail: ${kind}${clean(text).trimEnd().replaceAll("\n", "\n  ")}`)

  return {
    error({ code, message, hint }) {
      if (options.json) {
        const error = { code, message: clean(message), ...(hint === undefined ? {} : { hint: clean(hint) }) }
        write(JSON.stringify({ error }))
        return
      }
      line("error: ", message)
      if (hint !== undefined) line("hint: ", hint)
    },
    warning(text) {
      if (options.json) write(JSON.stringify({ warning: { message: clean(text) } }))
      else line("warning: ", text)
    },
    note(text) {
      if (options.quiet) return
      if (!options.json) line("", text)
      else if (options.notes === true) write(JSON.stringify({ note: { message: clean(text) } }))
    },
    print(text) {
      if (!options.json) write(clean(text))
    },
  }
}
