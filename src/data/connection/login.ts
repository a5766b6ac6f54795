// Logs in to one server, with TLS as the mode says: libpq's way, what it tries and what it falls back to.
import { Socket } from "node:net"
import { Client, type ClientConfig } from "pg"
import { type ErrorCode, TrailError } from "../errors.js"
import { toTrailError } from "../server-errors.js"
import { type ConnectionTarget, isSocket, nameOf, type Server, socketPath } from "./target.js"
import { type Opened, openTls } from "./tls.js"

export interface LoggedIn {
  readonly client: Client
  readonly secured: boolean
  /** Why there is no TLS, where it was tried. */
  readonly reason?: string | undefined
}

/** Evidence travels as text: no type is ever parsed by node-postgres. */
const asText = { getTypeParser: () => (value: string | Buffer) => value } as unknown as NonNullable<
  ClientConfig["types"]
>

export async function login(
  target: ConnectionTarget,
  server: Server,
  onLoss: (client: Client, error: Error) => void,
): Promise<LoggedIn> {
  const { ssl = {}, connectTimeoutMs = 10_000 } = target
  const mode = isSocket(server.host) ? "disable" : (ssl.mode ?? "prefer")
  const deadline = performance.now() + connectTimeoutMs
  const left = (): number => (connectTimeoutMs === 0 ? 0 : Math.max(1, deadline - performance.now()))
  const enter = async (stream?: Socket): Promise<Client> => {
    const client = newClient(target, server, left(), stream)
    client.on("error", (error) => onLoss(client, error))
    try {
      await client.connect()
      return client
    } catch (error) {
      // Without a farewell: a stream that has failed may never say that it has ended.
      streamOf(client).destroy()
      throw inWords(error, server, target)
    }
  }
  const secure = (): Promise<Opened> => openTls(server, { ...ssl, mode }, left())
  if (mode === "disable") return { client: await enter(), secured: false }
  if (mode === "allow") {
    try {
      return { client: await enter(), secured: false }
    } catch (refusal) {
      if (!isRefusedSo(refusal)) throw refusal
      const { stream } = await secure().catch(() => {
        throw refusal
      })
      return { client: await enter(stream).catch(ratherThan(refusal)), secured: true }
    }
  }
  let opened: Opened
  try {
    opened = await secure()
  } catch (error) {
    // What TLS does not like is a TrailError already; what the network says is none yet.
    const isTlsFailure = error instanceof TrailError && error.code === "unreachable"
    if (mode !== "prefer" || !isTlsFailure) throw inWords(error, server, target)
    return { client: await enter(), secured: false, reason: error.message }
  }
  const { stream, secured } = opened
  try {
    return { client: await enter(stream), secured, reason: secured ? undefined : "the server has none" }
  } catch (error) {
    // As libpq does it; but a password that was wrong is not sent again, in clear.
    if (mode !== "prefer" || !secured || !isRefusedSo(error)) throw error
    return { client: await enter().catch(ratherThan(error)), secured: false, reason: error.message }
  }
}

/** pg_hba.conf has no line for this kind of connection; with the other kind there may be one. */
function isRefusedSo(error: unknown): error is TrailError {
  return error instanceof TrailError && error.sqlstate === "28000"
}

/** Of two refusals the first says more: the second kind of connection was not what somebody wanted. */
function ratherThan(first: TrailError): (second: unknown) => never {
  return (second) => {
    throw isRefusedSo(second) ? first : second
  }
}

export function streamOf(client: Client): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream
}

function newClient(target: ConnectionTarget, server: Server, milliseconds: number, opened?: Socket): Client {
  const { host, hostaddr, port } = server
  const password = target.password ?? server.password
  let stream: ClientConfig["stream"]
  if (opened !== undefined) stream = () => connected(opened)
  else if (host.startsWith("@")) stream = () => abstract(socketPath(server))
  const client = new Client({
    host: hostaddr ?? host,
    port,
    user: target.user ?? "",
    database: target.database ?? "",
    // A function, because node-postgres would otherwise look for one in the environment and in files of its own choice.
    password: password ?? askedInVain,
    // Whatever TLS there is, the stream has it.
    ssl: false,
    sslnegotiation: "postgres",
    ...(stream === undefined ? {} : { stream }),
    types: asText,
    application_name: target.applicationName ?? "pgtrail",
    connectionTimeoutMillis: Math.ceil(milliseconds),
    keepAlive: target.keepAlive ?? true,
    keepAliveInitialDelayMillis: target.keepAliveDelayMs ?? 0,
  } as ClientConfig)
  // These too come from the environment where they are not given.
  const { connectionParameters } = client as unknown as { connectionParameters: Record<string, unknown> }
  Object.assign(connectionParameters, { options: target.options, replication: undefined })
  return client
}

function askedInVain(): never {
  throw new TrailError("authentication", "the server asks for a password and none was given", {
    hint: "put it into ~/.pgpass, or into PGPASSWORD",
  })
}

/** node-postgres tells its stream to connect, and waits for events; one that has ended meanwhile must not keep it waiting. */
function connected(opened: Socket): Socket {
  const connect = (): Socket => {
    queueMicrotask(() => {
      if (opened.destroyed) {
        opened.emit("error", opened.errored ?? new Error("Connection terminated unexpectedly"))
        opened.emit("close")
        return
      }
      opened.emit("connect")
      opened.resume()
    })
    return opened
  }
  return Object.assign(opened, { connect })
}

function abstract(path: string): Socket {
  const socket = new Socket()
  const connect = socket.connect.bind(socket)
  return Object.assign(socket, { connect: () => connect({ path }) })
}

function inWords(cause: unknown, server: Server, { password }: ConnectionTarget): unknown {
  if (cause instanceof Error && /timeout expired/.test(cause.message)) {
    return new TrailError(
      "unreachable",
      `the database cannot be reached: no answer in time: ${nameOf(server)}`,
      {
        hint: "check --url, PGTRAIL_URL or PGHOST and PGPORT, and that the server runs",
        cause,
      },
    )
  }
  const error = toTrailError(cause)
  if (!(error instanceof TrailError)) return error
  const { message, sqlstate } = error
  const say = (code: ErrorCode, text: string, hint: string) =>
    new TrailError(code, text, { hint, sqlstate, cause })
  if (sqlstate === "28P01" && password === undefined && server.passwordFrom !== undefined) {
    return say(error.code, message, `the password came from ${server.passwordFrom}`)
  }
  if (error.code !== "connection-lost") return error
  // Nothing was begun yet. PgBouncer says these by itself.
  if (/startup parameter/.test(message))
    return say(
      "config",
      message,
      "leave out options and PGOPTIONS, or allow them in ignore_startup_parameters",
    )
  if (/no such database/.test(message))
    return say("no-database", message, "name another in the connection URL, or add it to the pooler")
  const what = sqlstate === undefined ? "the connection was closed before the login was done" : message
  return say(
    "unreachable",
    `the database cannot be reached: ${what}: ${nameOf(server)}`,
    "nothing was changed; try again, and look at the log of the server",
  )
}
