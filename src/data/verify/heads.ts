// The newest head of each chain: where it must end.
import { genesis } from "../canonical.js"
import type { Findings } from "./finding.js"
import type { LogTables } from "./log-tables.js"
import { chainKey } from "./row.js"
import type { Head } from "./walk-range.js"

export interface ChainHead extends Head {
  readonly organization_id: string
  readonly lane: string
}

/** The newest head of each chain, by chain key, in the order of organization and lane; checks each genesis of `organization` on the way. */
export async function readHeads(
  tables: LogTables,
  logIds: readonly string[],
  organization: string | undefined,
  findings: Findings,
): Promise<Map<string, ChainHead>> {
  const heads = new Map<string, ChainHead>()
  for (const row of await tables.heads()) {
    const { organization_id, lane } = row
    const isAskedFor = organization === undefined || organization_id === organization
    if (
      isAskedFor &&
      !logIds.some((id) => row.first === genesis(id, organization_id, lane).toString("hex"))
    ) {
      const message = `the genesis of lane ${lane} in pgtrail.chain_head is ${row.first === null ? "missing" : "altered"}`
      const evidence = `genesis ${row.first}`
      findings.add({ kind: "altered", organization_id, lane, seq: "0", group: "head", message, evidence })
    }
    const hash = Buffer.from(row.hash, "hex").toString("latin1")
    heads.set(chainKey(organization_id, lane), {
      organization_id,
      lane,
      seq: Number.parseInt(row.seq, 10),
      hash,
    })
  }
  return heads
}
