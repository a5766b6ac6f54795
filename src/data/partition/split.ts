// Makes partitions in portions, each a transaction of its own, so that nobody who appends waits for long.
import type { Client } from "pg"
import { grouped, plural } from "../words.js"
import { type ChangeOptions, inTransaction, patienceOf, retried } from "./change.js"
import type { Range } from "./ranges.js"

/** To attach one takes about 3 ms under the lock; and where DEFAULT was not built anew, a reading of it. */
const mostTogether = { rebuilt: 60, plain: 6 }
/** As in sql/functions/split_default.sql: from there on DEFAULT is built anew. */
const largeDefault = 16_777_216n

/** DEFAULT is built anew once for all of which it holds events; the others are made few at a time. */
export async function portions(client: Client, ranges: readonly Range[]): Promise<Range[][]> {
  const { rows } = await client.query<{ bytes: string }>(
    "select coalesce(sum(pg_relation_size(p.oid)), 0) as bytes from pgtrail.partitions() p where p.is_default",
  )
  const isLarge = BigInt(rows[0]?.bytes ?? "0") > largeDefault
  const heavy = isLarge ? ranges : ranges.filter(({ events }) => events !== "0")
  const light = isLarge ? [] : ranges.filter(({ events }) => events === "0")
  // What is due and empty first: the application may need it in this very moment.
  return [...cut(light, mostTogether.plain), ...cut(heavy, mostTogether.rebuilt)]
}

function cut(ranges: readonly Range[], most: number): Range[][] {
  const found: Range[][] = []
  for (let at = 0; at < ranges.length; at += most) found.push(ranges.slice(at, at + most))
  return found
}

export const splitSql =
  "select pgtrail.split_default($1::text[], $2::timestamptz[], $3::timestamptz[], $4::interval) as moved"

/** Tells how many events came along from DEFAULT. `made` is told after each portion. */
export async function split(
  client: Client,
  ranges: readonly Range[],
  options: ChangeOptions,
  made: (portion: readonly Range[], moved: bigint) => void,
): Promise<void> {
  for (const portion of await portions(client, ranges)) {
    const held = portion.reduce((sum, { events }) => sum + BigInt(events), 0n)
    const along = held === 0n ? "" : ` with ${grouped(held)} events of DEFAULT`
    options.progress?.(`making ${plural(portion.length, "partition")}${along}`)
    const moved = await retried(options, () =>
      inTransaction(client, options.dryRun === true, async () => {
        const { rows } = await client.query<{ moved: string }>(splitSql, [
          portion.map(({ name }) => name),
          portion.map(({ since }) => since),
          portion.map(({ until }) => until),
          patienceOf(options),
        ])
        return BigInt(rows[0]?.moved ?? "0")
      }),
    )
    made(portion, moved)
  }
}
