// Records a verification as an act, where the role and the server allow it.
import type { Client } from "pg"
import { version } from "../version.js"
import type { ChainHead } from "./heads.js"
import type { VerifyReport } from "./verify.js"

/** seq of the act, or null where it cannot be recorded: a standby, or a role that may only read. */
export async function recordVerification(
  client: Client,
  report: Omit<VerifyReport, "act">,
  heads: readonly ChainHead[] | undefined,
): Promise<string | null> {
  const allowed = await client.query<{ allowed: string }>(
    `select not pg_is_in_recovery() and has_function_privilege(
        'pgtrail.record_verification(jsonb,text[],smallint[],bigint[],bytea[])', 'execute') as allowed`,
  )
  if (allowed.rows[0]?.allowed !== "t") return null
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
