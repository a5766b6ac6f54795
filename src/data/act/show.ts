// One act whole: its row, its signature, and whether it and its place in the chain of acts verify.
import type { ClientBase } from "pg"
import { actGenesis, hashVersion, recomputeAct, type TextRow } from "../canonical.js"
import { TrailError } from "../errors.js"
import { type ActRow, readActs } from "./list.js"

export interface ShownAct {
  readonly act: ActRow
  /** Signature lines of a signed note, or null. */
  readonly signature: string | null
  /** Null: this tool does not know the act's hash version. */
  readonly verifies: boolean | null
  /** What does not fit. */
  readonly problems: readonly string[]
}

export async function showAct(client: ClientBase, seq: string): Promise<ShownAct> {
  const [act] = await readActs(client, "a.organization_id = 'pgtrail' and a.seq = $1::bigint", [seq])
  if (act === undefined) {
    throw new TrailError("not-found", `there is no act ${seq}`, { hint: "pgtrail act list" })
  }
  const near = await client.query<TextRow>(
    `select * from pgtrail.act where organization_id = 'pgtrail' and seq between $1::bigint - 1 and $1::bigint + 1`,
    [seq],
  )
  const at = (distance: bigint) => near.rows.find((row) => BigInt(row.seq ?? "0") === BigInt(seq) + distance)
  const signature = await client.query<{ signature: string }>(
    "select signature from pgtrail.act_signature where organization_id = 'pgtrail' and seq = $1::bigint",
    [seq],
  )
  const row = at(0n) ?? {}
  const known = row.hash_version === hashVersion
  const problems = known
    ? []
    : [`its hash version ${row.hash_version} is unknown to this pgtrail: upgrade the tool`]
  if (known && `\\x${recomputeAct(row)}` !== row.hash) {
    problems.push("its hash does not belong to what it says: it was altered")
  }
  const previous = BigInt(seq) === 1n ? await genesisOf(client) : at(-1n)?.hash
  if (previous == null) problems.push("the act before it is missing")
  else if (previous !== row.previous_hash)
    problems.push("its previous_hash is not the hash of the act before it")
  const next = at(1n)
  if (next !== undefined && next.previous_hash !== row.hash) {
    problems.push("the act after it names another hash than its own")
  }
  return {
    act,
    signature: signature.rows[0]?.signature ?? null,
    verifies: known ? problems.length === 0 : null,
    problems,
  }
}

/** What the first act is chained to. */
async function genesisOf(client: ClientBase): Promise<string> {
  const { rows } = await client.query<{ log_id: string }>(
    "select log_id from pgtrail.incarnation where number = 1",
  )
  const logId = rows[0]?.log_id
  return logId === undefined ? "" : `\\x${actGenesis(logId).toString("hex")}`
}
