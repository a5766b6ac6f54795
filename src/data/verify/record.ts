// Records a verification as an act, where the role and the server allow it.
import type { Client } from "pg"
import { headsDigest } from "../canonical.js"
import { withTransaction } from "../connection.js"
import { toTrailError } from "../server-errors.js"
import { version } from "../version.js"
import { refuseForeignFunctions } from "./foreign.js"
import type { ChainHead } from "./heads.js"
import type { UnrecordedReport, VerifyReport } from "./report.js"

export type Recorded = Pick<VerifyReport, "act" | "not_recorded">

/** So many findings stand in the act itself, for `verification show` and `accept`. */
const mostFindings = 1000

/**
 * Never changes the verdict: where it cannot be recorded it says why. Waits ten seconds for another act at most. `remember`: the heads
 * become those that the next verification compares.
 */
export async function recordVerification(
  client: Client,
  report: UnrecordedReport,
  heads: Iterable<ChainHead>,
  remember: boolean,
): Promise<Recorded> {
  try {
    const { rows } = await client.query<{ standby: string; allowed: string }>(
      `select pg_is_in_recovery() as standby, has_function_privilege(
          'pgtrail.record_verification(jsonb,bytea,text[],smallint[],bigint[],bytea[])', 'execute') as allowed`,
    )
    if (rows[0]?.standby === "t") return { act: null, not_recorded: "this server is a standby" }
    if (rows[0]?.allowed !== "t") return { act: null, not_recorded: "this role may not record one" }
    return { act: await record(client, report, [...heads], remember), not_recorded: null }
  } catch (error) {
    const known = toTrailError(error)
    return { act: null, not_recorded: known instanceof Error ? known.message : "unknown error" }
  }
}

async function record(
  client: Client,
  report: UnrecordedReport,
  heads: readonly ChainHead[],
  remember: boolean,
): Promise<string | null> {
  const parameters = {
    verdict: report.verdict,
    requested: report.requested,
    covered: report.covered,
    since: report.since,
    compared: report.compared,
    next: report.next,
    ...(report.archives.places.length === 0 ? {} : { archives: archivesOf(report) }),
    findings: report.findings.slice(0, mostFindings),
    findings_total: report.findings_total,
    accepted: report.accepted_total,
    tool_version: version,
  }
  const hashes = heads.map((head) => `\\x${Buffer.from(head.hash, "latin1").toString("hex")}`)
  const seen = headsDigest(
    heads.map((head, at) => ({ ...head, seq: String(head.seq), hash: hashes[at] ?? "" })),
  )
  const list = [
    heads.map((head) => head.organization_id),
    heads.map((head) => head.lane),
    heads.map((head) => head.seq),
    hashes,
  ]
  // Whoever is told that it was recorded may rely on it: also after a crash, and where commits are asynchronous.
  return withTransaction(
    client,
    "begin isolation level read committed; set local synchronous_commit = on",
    async () => {
      await refuseForeignFunctions(client)
      const { rows } = await client.query<{ seq: string }>(
        `select pgtrail.record_verification($1::jsonb, decode($2, 'hex'), $3::text[], $4::smallint[], $5::bigint[], $6::text[]::bytea[])
         as seq`,
        [JSON.stringify(parameters), seen, ...(remember ? list : list.map(() => null))],
      )
      return rows[0]?.seq ?? null
    },
  )
}

function archivesOf({ archives: { in_force, events, read, missing } }: UnrecordedReport) {
  return { in_force, events, read, missing: missing.map(({ name }) => name) }
}

/**
 * Brings all that was visible to the disk: a crash must not set the log back to before what somebody noted. A commit that waits for the
 * disk waits for all before it; the message that it carries is for nobody.
 */
export async function flush(client: Client): Promise<void> {
  const standby = await client.query<{ standby: string }>("select pg_is_in_recovery() as standby")
  if (standby.rows[0]?.standby === "t") return
  await withTransaction(
    client,
    "begin isolation level read committed read write; set local synchronous_commit = on",
    () => client.query("select pg_logical_emit_message(true, 'pgtrail', '')"),
  )
}
