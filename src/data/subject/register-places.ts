// The places of a redaction as the register has them: from the plan of its transaction.
import type { Client } from "pg"
import type { Places } from "./register.js"

/** Far fewer than make a line that no tool reads. */
const rangesInLine = 2000

interface Block {
  readonly organization_id: string
  readonly lane: string
  /** JSON lists. */
  readonly identity: string
  readonly content: string
  readonly token: string | null
  /** `{[12,13),[15,19)}`. */
  readonly ranges: string
}

/** From the plan of this transaction, by a cursor and in blocks of places: an erasure may have a million. */
export async function* placesOf(
  client: Client,
  id: string,
): AsyncGenerator<{ readonly lines: readonly Places[]; readonly events: bigint }> {
  await client.query(
    `declare pgtrail_places no scroll cursor for
     select p.organization_id, p.lane, to_json(p.identity_fields) as identity, to_json(p.content_fields) as content,
       p.replacement as token, range_agg(int8range(p.seq, p.seq + 1)) as ranges
     from pg_temp.pgtrail_plan p where p.done
     group by p.organization_id, p.lane, p.seq >> 16, p.identity_fields, p.content_fields, p.replacement
     order by p.organization_id, p.lane, p.seq >> 16`,
  )
  for (;;) {
    const { rows } = await client.query<Block>("fetch 100 from pgtrail_places")
    if (rows.length === 0) break
    const lines: Places[] = []
    let events = 0n
    for (const { organization_id: organization, lane, identity, content, token, ranges } of rows) {
      const all: string[] = []
      for (const [, first = "", after = ""] of ranges.matchAll(/\[(\d+),(\d+)\)/g)) {
        const last = BigInt(after) - 1n
        events += BigInt(after) - BigInt(first)
        all.push(String(last) === first ? first : `${first}-${last}`)
      }
      for (let at = 0; at < all.length; at += rangesInLine) {
        lines.push({
          line: "places",
          id,
          organization,
          lane,
          identity: JSON.parse(identity) as string[],
          content: JSON.parse(content) as string[],
          token,
          seq: all.slice(at, at + rangesInLine).join(","),
        })
      }
    }
    yield { lines, events }
  }
  await client.query("close pgtrail_places")
}
