// Opens connections whose session is fixed, so that a value means the same whoever connects; every value arrives as text.
import { Client, type ClientBase, type ClientConfig } from "pg"
import { TrailError } from "./errors.js"
import { lossOf, rememberLoss } from "./interruption.js"
import { toTrailError } from "./server-errors.js"

/** Where the log is. The data layer reads no environment: whoever calls resolves it. */
export interface ConnectionTarget {
  readonly connectionString?: string
  readonly host?: string
  readonly port?: number
  readonly user?: string
  readonly database?: string
  readonly password?: string
  readonly ssl?: ClientConfig["ssl"]
  /** Shown in pg_stat_activity. Default `pgtrail`. */
  readonly applicationName?: string
  /** Milliseconds. Default 10,000. */
  readonly connectTimeoutMs?: number
}

/** Evidence travels as text: no type is ever parsed by node-postgres. */
const asText = { getTypeParser: () => (value: string | Buffer) => value } as unknown as NonNullable<
  ClientConfig["types"]
>

const session = [
  "set datestyle = 'ISO, YMD'",
  "set timezone = 'UTC'",
  "set intervalstyle = 'iso_8601'",
  "set bytea_output = 'hex'",
  "set extra_float_digits = 1",
  "set client_encoding = 'UTF8'",
  "set standard_conforming_strings = on",
  // It would change how the catalog describes itself.
  "set quote_all_identifiers = off",
  "set search_path = pg_catalog, pg_temp",
  // A policy then raises an error instead of hiding rows.
  "set row_security = off",
  "set statement_timeout = 0",
  // A verification holds its snapshot while the workers read.
  "set idle_in_transaction_session_timeout = 0",
].join(";")

function clientConfig(target: ConnectionTarget): ClientConfig {
  const { applicationName, connectTimeoutMs, ...rest } = target
  return {
    ...rest,
    types: asText,
    application_name: applicationName ?? "pgtrail",
    connectionTimeoutMillis: connectTimeoutMs ?? 10_000,
    keepAlive: true,
  }
}

/** A connected client. Whoever calls ends it; `withClient` does so itself. */
export async function connect(target: ConnectionTarget): Promise<Client> {
  let client: Client
  try {
    client = new Client(clientConfig(target))
  } catch (error) {
    throw new TrailError("config", "the connection URL cannot be read", {
      hint: "use the form postgresql://user@host:5432/database",
      cause: error,
    })
  }
  // A connection that is lost while idle would otherwise end the process.
  client.on("error", (error) => rememberLoss(client, error))
  try {
    await client.connect()
    await client.query(session)
    return client
  } catch (error) {
    await client.end().catch(() => undefined)
    throw toTrailError(error)
  }
}

export async function withClient<T>(
  target: ConnectionTarget,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await connect(target)
  try {
    return await use(client)
  } catch (cause) {
    const error = toTrailError(cause)
    const lost = error instanceof TrailError && error.code === "connection-lost" ? lossOf(client) : undefined
    throw lost === undefined ? error : toTrailError(lost)
  } finally {
    await client.end().catch(() => undefined)
  }
}

export async function withTransaction<T>(
  client: ClientBase,
  begin: string,
  use: () => Promise<T>,
): Promise<T> {
  await client.query(begin)
  try {
    const result = await use()
    await client.query("commit")
    return result
  } catch (error) {
    await client.query("rollback").catch(() => undefined)
    throw error
  }
}

/** Cuts the connection: the only way out when a COPY's reader has failed (node-pg-copy-streams would wait for ever). */
export function destroy(client: Client): void {
  const { connection } = client as unknown as { connection: { stream: { destroy(): void } } }
  connection.stream.destroy()
}
