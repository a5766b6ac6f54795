// Brings batches to the server over one connection, and again over a new one where it was lost.
import type { Client } from "pg"
import { passingOrAway, retry } from "../append/retry.js"
import { type ConnectionTarget, connect, isSuperuser } from "../connection.js"
import { TrailError } from "../errors.js"
import { toTrailError } from "../server-errors.js"
import { refuseForeignFunctions } from "../verify/foreign.js"
import type { Batch, Position } from "./batches.js"
import type { ImportOptions } from "./import.js"
import { type Loaded, loadBatch } from "./load.js"
import type { Rejects } from "./rejects.js"

export interface Loader {
  /** How far the source is done. */
  position(): Promise<Position>
  load(batch: Batch, errorsLeft: number): Promise<Loaded>
  /** Records the import as an act, unless it is recorded as it stands. */
  finish(): Promise<void>
  close(): Promise<void>
}

export interface LoaderOptions extends Omit<ImportOptions, "rejects"> {
  readonly source: string
  readonly name: string
  readonly rejects: Rejects | undefined
}

/** A server that restarts is back within this time, in milliseconds. */
const patience = 30_000

export function createLoader(target: ConnectionTarget, options: LoaderOptions): Loader {
  const { source, name, rejects, signal, organization, format = "ndjson" } = options
  let client: Client | undefined
  let wasConnected = false
  let reported = 0

  /** Repeats work over a new connection; a server that was never there is not waited for. */
  async function repeatedly<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const once = async (): Promise<T> => {
      try {
        client ??= await connectToCall(target)
        wasConnected = true
        return await work(client)
      } catch (cause) {
        const error = toTrailError(cause)
        if (error instanceof TrailError && passingOrAway.has(error.code)) await disconnect()
        throw error
      }
    }
    const codes = wasConnected ? passingOrAway : new Set<TrailError["code"]>()
    return retry(once, { codes, forMs: patience, signal })
  }

  async function disconnect(): Promise<void> {
    const lost = client
    client = undefined
    await lost?.end().catch(() => undefined)
  }

  /** A bad record is named once, however often its batch is tried. */
  function report(position: number, line: number, reason: string): void {
    if (position <= reported) return
    reported = position
    options.onRejected?.({ line, reason })
  }

  return {
    position: () => repeatedly((connected) => positionOf(connected, source)),
    load(batch, errorsLeft) {
      let prepared: Loaded | undefined
      const onPrepared = (loaded: Loaded): void => {
        prepared = loaded
      }
      const load = {
        source,
        format,
        name,
        organization,
        errorsLeft,
        onRejected: report,
        onPrepared,
        rejects,
        signal,
      }
      return repeatedly(async (connected) => {
        // The connection was lost at the commit: had it arrived?
        if (prepared !== undefined && (await positionOf(connected, source)).records >= batch.to)
          return prepared
        prepared = undefined
        return loadBatch(connected, batch, load)
      })
    },
    async finish() {
      await repeatedly((connected) => connected.query("select pgtrail.import_finish($1)", [source]))
    },
    close: disconnect,
  }
}

async function connectToCall(target: ConnectionTarget): Promise<Client> {
  const client = await connect(target)
  try {
    if (isSuperuser(client)) await refuseForeignFunctions(client)
    return client
  } catch (error) {
    await client.end().catch(() => undefined)
    throw error
  }
}

async function positionOf(client: Client, source: string): Promise<Position> {
  const { rows } = await client.query<{ record_position: string; last_record: string | null }>(
    "select record_position, encode(last_record, 'hex') as last_record from pgtrail.import_position($1)",
    [source],
  )
  return { records: Number(rows[0]?.record_position ?? 0), lastRecord: rows[0]?.last_record ?? null }
}
