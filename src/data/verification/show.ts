// One verification as it was recorded, and what its findings are about, explained from the log as it is now.
import type { Client } from "pg"
import { TrailError } from "../errors.js"
import { type Against, compare } from "./against.js"
import { explain } from "./explain.js"
import type { Explanation } from "./explanation.js"
import { findFinding } from "./finding-id.js"
import { type Incident, incidentOf } from "./incident.js"
import {
  type Acceptance,
  acceptances,
  findingsOf,
  lastIntact,
  type RecordedFinding,
  type VerificationAct,
  verificationAct,
} from "./list.js"
import { logIds, rightsOf } from "./surroundings.js"
import { type CatalogTrace, catalogTraces, type GhostRule, ghostRules } from "./traces.js"

export interface ShowOptions {
  /** seq of the act; default the newest verification, or the newest that has the finding. */
  readonly act?: string | undefined
  /** Only this finding: its id, or the first six digits of it at least. */
  readonly finding?: string | undefined
  /** Another place that may still have the originals. */
  readonly against?: Against | undefined
  readonly signal?: AbortSignal | undefined
}

export interface ShownFinding extends RecordedFinding {
  readonly accepted: Acceptance | null
  readonly explanation: Explanation
}

export interface ShownVerification {
  readonly schema: "pgtrail.verification/1"
  readonly act: VerificationAct
  readonly findings: readonly ShownFinding[]
  /** How many were found, of which the act names the first 1,000. */
  readonly findings_total: string
  /** Name of the other place that they were compared with. */
  readonly against: string | null
  readonly incident: Incident
  readonly catalog: readonly CatalogTrace[]
  readonly ghost_rules: readonly GhostRule[]
}

/** Throws `not-found`, `privilege`, and `file` or an error of its connection where the other place cannot be read. */
export async function showVerification(client: Client, options: ShowOptions): Promise<ShownVerification> {
  await client.query("set default_transaction_read_only = on")
  const named = options.finding === undefined ? undefined : await findFinding(client, options.finding)
  const act = await verificationAct(client, options.act ?? named?.act)
  const all = await findingsOf(client, act.act)
  const findings = named === undefined ? all : all.filter(({ id }) => id === named.id)
  if (named !== undefined && findings.length === 0) {
    throw new TrailError("not-found", `act ${act.act} has no finding ${named.id}`, {
      hint: `pgtrail verification show ${named.act} --finding ${named.id}`,
    })
  }
  const rights = await rightsOf(client)
  const live = await explain(client, rights, findings, all, options.signal)
  const { against, signal } = options
  const explained =
    against === undefined ? live : await compare(client, live, against, await logIds(client), signal)
  const total = act.findings ?? String(all.length)
  const incident = await incidentOf(
    client,
    rights,
    explained,
    await lastIntact(client, act.act),
    whyUnproven(act, findings.length, total, named !== undefined),
  )
  const accepted = await acceptances(client)
  return {
    schema: "pgtrail.verification/1",
    act,
    findings: explained.map(({ wish: _, ...finding }) => ({
      ...finding,
      accepted: accepted.get(finding.id) ?? null,
    })),
    findings_total: total,
    against: against?.name ?? null,
    incident,
    catalog: await catalogTraces(client, findings, rights.commitTimes),
    ghost_rules: await ghostRules(client),
  }
}

/** What is proven follows from all findings of a verification that read every event. */
function whyUnproven(act: VerificationAct, listed: number, total: string, isOne: boolean): string | null {
  if (isOne) return "only one finding was asked for"
  if (String(listed) !== total) return `only the first ${listed} of ${total} findings are recorded`
  return act.narrowed ? "the verification did not read every event" : null
}
