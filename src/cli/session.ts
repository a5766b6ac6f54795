// What the kernel hands to a command: the log, opened when it is first asked for, and the streams.
import { resolve } from "node:path"
import type { ConnectionTarget, Trail } from "../data/index.js"
import type { Format } from "./common.js"
import type { Configuration } from "./config/index.js"
import { type Connection, resolveConnection } from "./connect.js"
import type { Io } from "./io.js"
import type { Messages } from "./messages.js"
import type { Progress } from "./progress.js"

export interface Session {
  /** Opens the log on the first call; the kernel closes it. */
  trail(): Promise<Trail>
  /** Where the log is, to be shown; opens nothing. */
  connection(): Connection
  /** How to get there. */
  target(): Promise<ConnectionTarget>
  readonly io: Io
  /** The words after `pgtrail`, as they were typed. */
  readonly argv: readonly string[]
  /** What the line itself says, and not the configuration. */
  readonly typed: { readonly url: string | undefined; readonly config: string | undefined }
  /** Aborted by SIGINT, SIGTERM, or when nobody reads the answer any more. */
  readonly signal: AbortSignal
  /** The columns named by --fields, so that no others need to be read. */
  readonly fields: readonly string[] | undefined
  /** For commands whose table shows other columns than their JSON. */
  readonly format: Format
  readonly quiet: boolean
  /** For commands that have more to tell than their answer. */
  readonly verbose: boolean
  /** A file name as it was typed, made absolute. */
  path(typed: string): string
  /** On stderr, on a terminal only. */
  progress(text: string): void
  /** On stderr, before the answer; not with --quiet. */
  note(text: string): void
  warn(text: string): void
}

export interface SessionParts {
  readonly io: Io
  readonly argv: readonly string[]
  readonly signal: AbortSignal
  readonly url: string | undefined
  readonly config: string | undefined
  readonly configured: Pick<Configuration, "url" | "password">
  readonly fields: readonly string[] | undefined
  readonly format: Format
  readonly quiet: boolean
  readonly verbose: boolean
  readonly messages: Messages
  readonly progress: Progress
  /** From now on this text is taken out of every message. */
  hide(secret: string): void
}

export function createSession(parts: SessionParts): Session & { close(): Promise<void> } {
  const { io, messages, progress } = parts
  let connection: Connection | undefined
  let opened: Promise<Trail> | undefined

  function connect(): Connection {
    const warn = (text: string): void => messages.warning(text)
    connection ??= resolveConnection(parts.url, { env: io.env, configured: parts.configured.url, warn })
    return connection
  }

  return {
    io,
    argv: parts.argv,
    typed: { url: parts.url, config: parts.config },
    signal: parts.signal,
    fields: parts.fields,
    format: parts.format,
    quiet: parts.quiet,
    verbose: parts.verbose,
    connection: connect,
    target: () => targetOf(connect(), parts),
    path: (typed) => resolve(io.cwd, typed),
    progress: (text) => progress.show(text),
    note: (text) => messages.note(text),
    warn: (text) => messages.warning(text),
    trail() {
      opened ??= openTrail(connect(), parts)
      return opened
    },
    async close() {
      if (opened === undefined) return
      // One that never opened has been reported already.
      const trail = await opened.catch(() => undefined)
      await trail?.close()
    },
  }
}

async function openTrail(connection: Connection, parts: SessionParts): Promise<Trail> {
  // Not the library's face, which brings what needs no log along.
  const { Trail } = await import("../data/trail.js")
  return new Trail(await targetOf(connection, parts))
}

async function targetOf(connection: Connection, parts: SessionParts): Promise<ConnectionTarget> {
  if ("target" in connection) return await withPassword(connection.target, connection.source, parts)
  const { embedded } = await import("./embedded.js")
  const place = await embedded(parts.io, connection.embedded.dataDir)
  const { url } = await place.start()
  return { connectionString: url, applicationName: "pgtrail" }
}

/** A configured password goes to the server that was configured with it, and to no other; one that the connection brings comes first. */
async function withPassword(
  target: ConnectionTarget,
  source: string,
  { configured, hide, io, signal }: SessionParts,
): Promise<ConnectionTarget> {
  const { password } = configured
  if (password === undefined || !password.sources.includes(source) || target.password !== undefined)
    return target
  const { readSecret } = await import("./secret.js")
  const secret = await readSecret(password.reference, { ...io, signal })
  hide(secret)
  return { ...target, password: secret }
}
