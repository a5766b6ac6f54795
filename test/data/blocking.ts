// SQL from within a callback that nobody awaits: this thread stands still until it is done, so that a test decides what happens
// between two steps of a verification.
import { spawnSync } from "node:child_process"
import { execPath } from "node:process"

const script = `
const { default: pg } = await import("pg")
let [url, sql, observed, condition] = process.argv.slice(1)
const connect = async (connectionString) => {
  const client = new pg.Client({ connectionString })
  client.on("error", () => {})
  await client.connect()
  return client
}
if (sql !== "") {
  const client = await connect(url)
  for (const statement of sql.split(";;")) await client.query(statement)
  if (condition.includes("$lsn")) {
    // VACUUM commits without flushing what it wrote, and only what is flushed reaches a standby.
    await client.query("select pg_logical_emit_message(true, 'test', '')")
    const { rows } = await client.query("select pg_current_wal_flush_lsn() as lsn")
    condition = condition.replaceAll("$lsn", rows[0].lsn)
  }
  await client.end()
}
for (const deadline = Date.now() + 20_000; condition !== ""; await new Promise((go) => setTimeout(go, 5))) {
  if (Date.now() > deadline) throw new Error("in vain: " + condition)
  const client = await connect(observed).catch(() => undefined)
  if (condition === "down" && client === undefined) break
  const { rows } = (await client?.query({ text: condition, rowMode: "array" }).catch(() => undefined)) ?? { rows: [] }
  await client?.end()
  if (rows[0]?.[0] === true) break
}
`

/**
 * Runs statements, divided by `;;`, each in a transaction of its own. Then waits until `condition` is true on `observed`; `$lsn` in it
 * is how far the first server has written its WAL.
 */
export function runBlocking(
  url: string,
  sql: string,
  wait: { observed: string; condition: string } = { observed: "", condition: "" },
): void {
  const { status, stderr } = spawnSync(
    execPath,
    ["--input-type=module", "-e", script, url, sql, wait.observed, wait.condition],
    { cwd: import.meta.dirname, encoding: "utf8" },
  )
  if (status !== 0) throw new Error(`${sql}: ${stderr}`)
}

/** Waits until nobody answers at `url`. */
export function waitUntilDown(url: string): void {
  runBlocking(url, "", { observed: url, condition: "down" })
}
