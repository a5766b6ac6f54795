// SQL from within a callback that nobody awaits: this thread stands still until it is done, so that a test decides what happens
// between two steps of a verification.
import { createRequire } from "node:module"
import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads"

/** In a thread of its own: to start a process for each takes longer than the statements. */
const script = `
const { workerData: { pg: path, port, signal } } = require("node:worker_threads")
const pg = require(path)
const connect = async (connectionString) => {
  const client = new pg.Client({ connectionString })
  client.on("error", () => {})
  await client.connect()
  return client
}
const run = async ({ url, sql, observed, condition }) => {
  if (sql !== "") {
    const client = await connect(url)
    try {
      for (const statement of sql.split(";;")) await client.query(statement)
      if (condition.includes("$lsn")) {
        // VACUUM commits without flushing what it wrote, and only what is flushed reaches a standby.
        await client.query("select pg_logical_emit_message(true, 'test', '')")
        const { rows } = await client.query("select pg_current_wal_flush_lsn() as lsn")
        condition = condition.replaceAll("$lsn", rows[0].lsn)
      }
    } finally {
      await client.end().catch(() => {})
    }
  }
  for (const deadline = Date.now() + 50_000; condition !== ""; await new Promise((go) => setTimeout(go, 5))) {
    if (Date.now() > deadline) throw new Error("in vain: " + condition)
    const client = await connect(observed).catch(() => undefined)
    if (condition === "down" && client === undefined) break
    const { rows } = (await client?.query({ text: condition, rowMode: "array" }).catch(() => undefined)) ?? { rows: [] }
    await client?.end().catch(() => {})
    if (rows[0]?.[0] === true) break
  }
}
port.on("message", (asked) => {
  run(asked).then(() => undefined, (error) => String(error?.stack ?? error)).then((failure) => {
    port.postMessage({ failure })
    Atomics.store(signal, 0, 1)
    Atomics.notify(signal, 0)
  })
})
`

interface Thread {
  readonly port: MessageChannel["port1"]
  readonly signal: Int32Array
}

let thread: Thread | undefined

/** One for all test files of a worker; it holds nothing between two calls, and does not keep the process. */
function started(): Thread {
  if (thread !== undefined) return thread
  const { port1, port2 } = new MessageChannel()
  const signal = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(script, {
    eval: true,
    workerData: { pg: createRequire(import.meta.url).resolve("pg"), port: port2, signal },
    transferList: [port2],
    execArgv: [],
  })
  worker.unref()
  port1.unref()
  thread = { port: port1, signal }
  return thread
}

/**
 * Runs statements, divided by `;;`, each in a transaction of its own. Then waits until `condition` is true on `observed`; `$lsn` in it
 * is how far the first server has written its WAL.
 */
export function runBlocking(
  url: string,
  sql: string,
  wait: { observed: string; condition: string } = { observed: "", condition: "" },
): void {
  const { port, signal } = started()
  Atomics.store(signal, 0, 0)
  port.postMessage({ url, sql, ...wait })
  if (Atomics.wait(signal, 0, 0, 60_000) === "timed-out") throw new Error(`${sql}: no answer in a minute`)
  const { message } = receiveMessageOnPort(port) as { message: { failure?: string } }
  if (message.failure !== undefined) throw new Error(`${sql}: ${message.failure}`)
}

/** Waits until nobody answers at `url`. */
export function waitUntilDown(url: string): void {
  runBlocking(url, "", { observed: url, condition: "down" })
}
