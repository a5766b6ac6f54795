// Stands in for pgbench where it is not installed: clients of node-postgres that repeat one prepared statement.
import { performance } from "node:perf_hooks"
import type { Load } from "./commit.js"
import { withClient } from "./server.js"

const between = (low: number, high: number) => low + Math.floor(Math.random() * (high - low + 1))

/** Transactions a second. Slower than pgbench: the ratios come out milder, so the report says when this was used. */
export async function drive(url: string, { sql, clients, seconds, synchronous }: Load): Promise<number> {
  const text = sql
    .replaceAll(":organization::text", "$1::text")
    .replaceAll(":person::text", "$2::text")
    .replaceAll(":thing::text", "$3::text")
  const end = performance.now() + seconds * 1000
  const counts = await Promise.all(
    Array.from({ length: clients }, (_, id) =>
      withClient(url, async (client) => {
        await client.query(`set synchronous_commit = ${synchronous}`)
        let done = 0
        for (; performance.now() < end; done++) {
          const values = [Math.max(0, between(-48, 49)), between(1, 2000), between(1, 100_000)]
          await client.query({ name: "insert", text: text.replace(":client_id", String(id)), values })
        }
        return done
      }),
    ),
  )
  return counts.reduce((sum, count) => sum + count, 0) / seconds
}
