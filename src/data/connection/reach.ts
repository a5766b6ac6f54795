// Reaches a server: the first that answers, lets in, and is what was asked for.
import type { Client } from "pg"
import { TrailError } from "../errors.js"
import { toTrailError } from "../server-errors.js"
import { type LoggedIn, login, streamOf } from "./login.js"
import { type ConnectionTarget, isSocket, nameOf, type Server, type SessionAttributes } from "./target.js"

export interface Reached {
  readonly client: Client
  readonly server: Server
}

/** `target` names its servers. Throws for the first one that answers and refuses; for the others only when none is left. */
export async function reach(
  target: ConnectionTarget,
  onLoss: (client: Client, error: Error) => void,
): Promise<Reached> {
  const { servers = [], sessionAttributes: wanted = "any" } = target
  const failures: TrailError[] = []
  // The second turn takes whatever there is.
  for (const turn of wanted === "prefer-standby" ? (["standby", "any"] as const) : [wanted]) {
    for (const server of servers) {
      try {
        const found = await login(target, server, onLoss)
        const misfit = await misfitOf(found.client, turn)
        if (misfit === undefined) {
          tellPlain(target, server, found)
          return { client: found.client, server }
        }
        await found.client.end().catch(() => undefined)
        failures.push(new TrailError("unreachable", `${nameOf(server)} ${misfit}`))
      } catch (cause) {
        const error = toTrailError(cause)
        if (!isAway(error)) throw error
        failures.push(error)
      }
    }
  }
  throw summary(failures, wanted)
}

/** Whether another server may do better: this one is not there, or takes nobody. */
export function isAway(error: unknown): error is TrailError {
  return error instanceof TrailError && (error.code === "unreachable" || error.code === "connection-lost")
}

function summary(failures: readonly TrailError[], wanted: SessionAttributes): TrailError {
  const [first] = failures
  if (failures.length === 1 && first !== undefined && wanted === "any") return first
  const each = [
    ...new Set(failures.map(({ message }) => message.replace(/^the database cannot be reached: /, ""))),
  ]
  const message =
    wanted === "any"
      ? "no server can be reached"
      : `no server is what target_session_attrs=${wanted} asks for`
  return new TrailError("unreachable", `${message}: ${each.join("; ")}`, { hint: first?.hint, cause: first })
}

/** Undefined when the server is what is wanted. */
async function misfitOf(client: Client, wanted: SessionAttributes): Promise<string | undefined> {
  if (wanted === "any") return undefined
  const { rows } = await client.query<{ standby: string; fixed: string }>(
    `select pg_catalog.pg_is_in_recovery()::text as standby, pg_catalog.current_setting('transaction_read_only') as fixed`,
  )
  const isStandby = rows[0]?.standby === "true"
  const isFixed = rows[0]?.fixed === "on"
  if (wanted === "standby" || wanted === "prefer-standby") return isStandby ? undefined : "is no standby"
  if (wanted === "primary") return isStandby ? "is a standby" : undefined
  if (wanted === "read-only") return isFixed ? undefined : "takes writes"
  return isFixed ? (isStandby ? "is a standby" : "is set to read-only") : undefined
}

/** Over the network, and for everybody on the way to read. */
function tellPlain(
  { onPlain }: ConnectionTarget,
  server: Server,
  { client, secured, reason }: LoggedIn,
): void {
  if (onPlain === undefined || secured || isSocket(server.host)) return
  const address = streamOf(client).remoteAddress ?? ""
  if (!/^(::1$|127\.|::ffff:127\.)/.test(address)) onPlain(nameOf(server), reason)
}
