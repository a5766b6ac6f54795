// Records a verification as an act, where the role and the server allow it.
import type { Client } from "pg"
import { toTrailError } from "../server-errors.js"
import { version } from "../version.js"
import type { ChainHead } from "./heads.js"
import type { VerifyReport } from "./verify.js"

export interface Recorded {
  readonly act: string | null
  readonly not_recorded: string | null
}

/** Never changes the verdict: where it cannot be recorded it says why. Waits ten seconds for another act at most. */
export async function recordVerification(
  client: Client,
  report: Omit<VerifyReport, keyof Recorded>,
  heads: readonly ChainHead[] | undefined,
): Promise<Recorded> {
  try {
    const { rows } = await client.query<{ standby: string; allowed: string }>(
      `select pg_is_in_recovery() as standby, has_function_privilege(
          'pgtrail.record_verification(jsonb,text[],smallint[],bigint[],bytea[])', 'execute') as allowed`,
    )
    if (rows[0]?.standby === "t") return { act: null, not_recorded: "this server is a standby" }
    if (rows[0]?.allowed !== "t") return { act: null, not_recorded: "this role may not record one" }
    return { act: await record(client, report, heads), not_recorded: null }
  } catch (error) {
    const known = toTrailError(error)
    return { act: null, not_recorded: known instanceof Error ? known.message : "unknown error" }
  }
}

async function record(
  client: Client,
  report: Omit<VerifyReport, keyof Recorded>,
  heads: readonly ChainHead[] | undefined,
): Promise<string | null> {
  const parameters = {
    verdict: report.verdict,
    requested: report.requested,
    covered: report.covered,
    findings: report.findings_total,
    tool_version: version,
  }
  const { rows } = await client.query<{ seq: string }>(
    "select pgtrail.record_verification($1::jsonb, $2::text[], $3::smallint[], $4::bigint[], $5::text[]::bytea[]) as seq",
    [
      JSON.stringify(parameters),
      heads?.map((head) => head.organization_id) ?? null,
      heads?.map((head) => head.lane) ?? null,
      heads?.map((head) => head.seq) ?? null,
      heads?.map((head) => `\\x${Buffer.from(head.hash, "latin1").toString("hex")}`) ?? null,
    ],
  )
  return rows[0]?.seq ?? null
}
