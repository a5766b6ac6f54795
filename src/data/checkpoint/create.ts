// Makes a checkpoint: its act first, committed to the disk, then the signed note and the list of heads, outside the database.
import type { Client } from "pg"
import { retry } from "../append/retry.js"
import { headsDigest } from "../canonical.js"
import { type ConnectionTarget, withClient, withTransaction } from "../connection.js"
import { type ErrorCode, TrailError } from "../errors.js"
import { notInstalled } from "../migrate/state.js"
import { writeTime } from "../query/columns.js"
import type { VerifiedHead } from "../verify/acts.js"
import { refuseForeignFunctions } from "../verify/foreign.js"
import { version } from "../version.js"
import { headsPath } from "./anchor.js"
import { probe, refuseExisting, stage } from "./files.js"
import { eventsOf, writeHeads } from "./heads-file.js"
import { readSigningKey, type SigningKey, signText } from "./note.js"
import { body, type Statement } from "./statement.js"

export interface CheckpointOptions {
  /** A private signing key, as text. */
  readonly key: string
  /** The note; the list of heads goes beside it, as `out`.heads. Neither may be there. */
  readonly out: string
}

export interface CreatedCheckpoint extends Statement {
  readonly act: { readonly seq: string; readonly hash: string }
  /** Who signed: name and key id. */
  readonly key: string
  readonly files: readonly [note: string, heads: string]
}

/** Another act since the snapshot (40001), or a connection that was lost: at worst an act more, without a file. */
const again: ReadonlySet<ErrorCode> = new Set(["retry", "connection-lost"])
const forMs = 30_000

export async function createCheckpoint(
  target: ConnectionTarget,
  options: CheckpointOptions,
): Promise<CreatedCheckpoint> {
  const { out } = options
  // Whatever can be refused is refused before there is an act.
  const key = readSigningKey(options.key)
  await refuseExisting(out)
  await refuseExisting(headsPath(out))
  await probe(out)
  const { statement, heads } = await retry(() => withClient(target, (client) => record(client, key)), {
    codes: again,
    forMs,
  })
  const text = body(statement)
  try {
    // The note comes last: where it is, its heads are.
    await writeHeads(headsPath(out), heads)
    const note = await stage(out, [`${text}\n${signText(text, key)}`])
    await note.place()
  } catch (error) {
    throw withoutFile(error, statement.act.seq)
  }
  return { ...statement, key: nameOf(key), files: [out, headsPath(out)] }
}

const nameOf = ({ name, keyId }: SigningKey): string => `${name}+${keyId}`

function withoutFile(error: unknown, seq: string): unknown {
  if (!(error instanceof TrailError)) return error
  return new TrailError(
    error.code,
    `act ${seq} records the checkpoint, but it has no file: ${error.message}`,
    {
      hint: "nothing is lost, and the act does no harm; when the cause is gone, run it again",
      cause: error,
    },
  )
}

type Recorded = { statement: Statement & Pick<CreatedCheckpoint, "act">; heads: readonly VerifiedHead[] }

function record(client: Client, key: SigningKey): Promise<Recorded> {
  return withTransaction(client, "begin isolation level repeatable read", async () => {
    const identity = await identityOf(client)
    // A signed act that a crash takes away again would look like a rolled back log.
    await client.query("set local synchronous_commit = on")
    const heads = await headsOf(client)
    const digest = headsDigest(heads)
    const events = eventsOf(heads)
    const lanes = String(heads.length)
    const act = await recordAct(client, heads, {
      lanes,
      events,
      key: nameOf(key),
      tool_version: version,
    })
    if (act.digest !== digest) {
      throw new TrailError(
        "server",
        "the server computes another digest of the heads than this side of the connection",
        {
          hint: "nothing was recorded or signed; pgtrail verify",
        },
      )
    }
    const { logId, incarnation } = identity
    const time = writeTime(act.recorded_at)
    return {
      statement: { logId, incarnation, events, lanes, digest, act: { seq: act.seq, hash: act.hash }, time },
      heads,
    }
  })
}

async function identityOf(client: Client): Promise<{ logId: string; incarnation: string }> {
  const { rows } = await client.query<{ installed: string; standby: string }>(
    "select to_regclass('pgtrail.log') is not null as installed, pg_is_in_recovery() as standby",
  )
  if (rows[0]?.installed !== "t") throw notInstalled()
  if (rows[0].standby === "t") {
    throw new TrailError(
      "read-only",
      "this server is a standby, where the act of a checkpoint cannot be recorded",
      {
        hint: "nothing was changed; connect to the primary",
      },
    )
  }
  const log = await client.query<{ log_id: string; incarnation: string }>(
    "select log_id, incarnation from pgtrail.log",
  )
  const [only] = log.rows
  if (only === undefined || log.rows.length > 1) {
    throw new TrailError("server", "pgtrail.log has not one row: the identity of the log is lost", {
      hint: "nothing was recorded or signed; pgtrail verify",
    })
  }
  return { logId: only.log_id, incarnation: only.incarnation }
}

async function headsOf(client: Client): Promise<VerifiedHead[]> {
  const { rows } = await client.query<VerifiedHead>(
    `select distinct on (h.organization_id collate "C", h.lane) h.organization_id, h.lane, h.seq, h.hash
     from pgtrail.chain_head h
     where h.seq > 0
     order by h.organization_id collate "C", h.lane, h.seq desc`,
  )
  return rows
}

interface RecordedAct {
  readonly seq: string
  readonly hash: string
  readonly digest: string
  readonly recorded_at: string
}

async function recordAct(
  client: Client,
  heads: readonly VerifiedHead[],
  parameters: object,
): Promise<RecordedAct> {
  await refuseForeignFunctions(client)
  const { rows } = await client.query<RecordedAct>(
    `select c.seq, encode(c.hash, 'hex') as hash, encode(c.digest, 'hex') as digest, c.recorded_at
     from pgtrail.record_checkpoint($1::jsonb, $2::text[], $3::smallint[], $4::bigint[], $5::text[]::bytea[]) c`,
    [
      JSON.stringify(parameters),
      heads.map((head) => head.organization_id),
      heads.map((head) => head.lane),
      heads.map((head) => head.seq),
      heads.map((head) => head.hash),
    ],
  )
  const [row] = rows
  if (row === undefined)
    throw new TrailError("server", "the server recorded no act", { hint: "nothing was signed" })
  return row
}
