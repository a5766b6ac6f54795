// Checks the chain of acts: verify takes authority from acts alone, so they come first.
import type { ClientBase } from "pg"
import QueryStream from "pg-query-stream"
import { actGenesis, hashVersion, headsDigest, recomputeAct, type TextRow } from "../canonical.js"
import { sha256Hex } from "../sql-files.js"
import type { Findings } from "./finding.js"

export interface VerifiedHead {
  readonly organization_id: string
  readonly lane: string
  readonly seq: string
  /** `\x` hex. */
  readonly hash: string
}

export interface ActsResult {
  /** Digest of the catalog that the last migration recorded; hex. */
  readonly catalogDigest: string | undefined
  /** Heads that the last whole and intact verification saw; undefined where they cannot be trusted or there was none. */
  readonly verifiedHeads: readonly VerifiedHead[]
  readonly count: number
}

const hex = (bytea: string | null | undefined): string | undefined => bytea?.replace(/^\\x/, "")

export async function checkActs(
  client: ClientBase,
  logId: string | undefined,
  findings: Findings,
): Promise<ActsResult> {
  let previous = logId === undefined ? "" : actGenesis(logId).toString("hex")
  let expected = 1n
  let catalogDigest: string | undefined
  let headsDigestOfAct: string | undefined
  let count = 0
  const stream = client.query(
    new QueryStream("select * from pgtrail.act order by seq", [], { batchSize: 500 }),
  )
  for await (const row of stream as AsyncIterable<TextRow>) {
    count += 1
    const seq = BigInt(row.seq ?? "0")
    const complain = (message: string) => findings.add({ kind: "act_altered", seq: String(seq), message })
    if (row.organization_id !== "pgtrail") {
      complain(`act ${seq} does not belong to pgtrail: its organization_id was changed`)
      continue
    }
    if (seq < expected) {
      complain(`act ${seq} stands twice`)
    } else if (seq > expected) {
      complain(
        seq === expected + 1n ? `act ${expected} is missing` : `acts ${expected} to ${seq - 1n} are missing`,
      )
    } else if (hex(row.previous_hash) !== previous) {
      complain(`act ${seq} does not follow the act before it: one of the two was rewritten`)
    }
    if (row.hash_version !== hashVersion) {
      findings.add({
        kind: "unknown_version",
        seq: String(seq),
        message: `act ${seq} has hash version ${row.hash_version}`,
      })
    } else if (recomputeAct(row) !== hex(row.hash)) {
      complain(`act ${seq} (${row.kind}) was altered: its hash does not fit it`)
    }
    if (row.kind === "migrate") catalogDigest = hex(row.digest)
    if (row.kind === "verify" && row.digest != null) headsDigestOfAct = hex(row.digest)
    previous = hex(row.hash) ?? ""
    expected = seq + 1n
  }
  if (count === 0)
    findings.add({
      kind: "act_altered",
      message: "the act chain is empty: even the act of the installation is missing",
    })
  return { catalogDigest, verifiedHeads: await verifiedHeads(client, headsDigestOfAct, findings), count }
}

async function verifiedHeads(
  client: ClientBase,
  digest: string | undefined,
  findings: Findings,
): Promise<VerifiedHead[]> {
  const { rows } = await client.query<VerifiedHead>(
    'select organization_id, lane, seq, hash from pgtrail.verified_head order by organization_id collate "C", lane',
  )
  if (digest === undefined && rows.length === 0) return []
  if (headsDigest(rows) !== digest) {
    findings.add({
      kind: "act_altered",
      group: "head",
      message:
        "pgtrail.verified_head is not what the last whole verification recorded: its digest differs from the act's",
    })
    return []
  }
  return rows
}

/** Digest of a stored catalog description, as its migration's act has it; hex. */
export function catalogDigest(rows: readonly { object: string; definition: string }[]): string {
  return sha256Hex(rows.map((row) => `${row.object}\n${row.definition}\n`).join(""))
}
