// What the redacted groups of an archive add up to, and what the entries of its events say that they must.
import { createHmac } from "node:crypto"
import type { ClientBase } from "pg"
import type { RedactedGroup } from "../archive/check-events.js"
import { streamRows } from "../row-stream.js"
import { liveTables } from "./log-tables.js"
import { chainKey } from "./row.js"

const mask = (1n << 128n) - 1n

/** Keyed with a key drawn for this verification, so that nobody can prepare groups that cancel. */
export class RedactionSum {
  readonly #key: Uint8Array
  value = 0n

  constructor(key: Uint8Array) {
    this.#key = key
  }

  add({ chain, seq, group, stored, present }: RedactedGroup): void {
    const digest = createHmac("sha256", this.#key)
      .update(`${group}/${seq}/${stored}/${present}/${chain}`, "latin1")
      .digest()
    this.value = (this.value + ((digest.readBigUInt64BE(0) << 64n) | digest.readBigUInt64BE(8))) & mask
  }
}

/**
 * Of the groups of the events that an act purged. Undefined where the entries of one are no chain, which no archive can fit. Whether they
 * are those that the acts vouch for the verification has told.
 */
export async function expectedRedactions(
  client: ClientBase,
  act: string,
  key: Uint8Array,
): Promise<bigint | undefined> {
  if (!(await liveTables(client).has("redaction_entry"))) return 0n
  const rows = streamRows<Record<string, string>>(
    client,
    `select r.organization_id, r.lane, r.seq, r.group_name,
         array_agg(encode(r.old_digest, 'hex') order by r.number) as olds, array_agg(encode(r.new_digest, 'hex') order by r.number) as news,
         array_agg(r.number order by r.number) as numbers
       from pgtrail.redaction_entry r
       join pgtrail.purge p on p.organization_id = r.organization_id and p.lane = r.lane and p.ranges @> r.seq
       where p.act_seq = $1 group by 1, 2, 3, 4`,
    [act],
    1000,
  )
  const sum = new RedactionSum(key)
  let fits = true
  for await (const row of rows) {
    const list = (literal: string | undefined) => (literal ?? "{}").slice(1, -1).split(",")
    const [olds, news, numbers] = [list(row.olds), list(row.news), list(row.numbers)]
    const { group_name: group, seq = "0" } = row
    fits &&= numbers.every(
      (number, at) => number === String(at + 1) && (at === 0 || olds[at] === news[at - 1]),
    )
    if (group !== "identity" && group !== "content") continue
    const chain = chainKey(row.organization_id ?? "", row.lane ?? "0")
    sum.add({ chain, seq: Number(seq), group, stored: olds[0] ?? "", present: news.at(-1) ?? "" })
  }
  return fits ? sum.value : undefined
}
