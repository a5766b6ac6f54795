// Finds out whether a pooler, such as PgBouncer, keeps one backend for a connection. Loaded where one was met.
import type { Client } from "pg"
import { TrailError } from "./errors.js"

/** A small pool that many wait for deals its backends out in turns; so few of them would often look like a session. */
const turns = 16

/**
 * Whether the pooler keeps one backend for a connection, which is then named. It does not when two connections that are open at once
 * meet the same backend, or one of them meets two. PgBouncer hands out the backend that came back last, or, with server_round_robin,
 * the one that came back first: two questions in a row tell both, where nobody else is at work; where others are, many turns do. Not
 * told when the pool is too busy to answer the second connection for `patience` milliseconds.
 */
export async function poolerMode(
  first: Client,
  connectAgain: () => Promise<Client>,
  patience = 3_000,
): Promise<"transaction" | "untold" | { readonly backend: string }> {
  const own = new Set<string>()
  const others = new Set<string>()
  const isShared = () => own.size > 1 || others.size > 1 || [...own].some((pid) => others.has(pid))
  own.add(await backend(first)).add(await backend(first))
  if (isShared()) return "transaction"
  const second = await connectAgain()
  try {
    for (let turn = 0; turn < turns; turn += 1) {
      const answer = await within(patience, backend(second))
      if (answer === undefined) return "untold"
      others.add(answer)
      // Out of step with whoever else is at work.
      if (turn > 1) await new Promise((go) => setTimeout(go, Math.random() * 4))
      own.add(await backend(first))
      if (isShared()) return "transaction"
    }
    return { backend: [...own].join() }
  } finally {
    // One that waits for a backend would also wait with its farewell.
    void second.end().catch(() => undefined)
  }
}

async function backend(client: Client): Promise<string> {
  const { rows } = await client.query<{ pid: string }>("select pg_catalog.pg_backend_pid()::text as pid")
  return rows[0]?.pid ?? ""
}

async function within(milliseconds: number, answer: Promise<string>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), milliseconds)
  })
  try {
    return await Promise.race([answer.catch(() => undefined), late])
  } finally {
    clearTimeout(timer)
  }
}

/** What is sent through the wrong kind of pooler reaches other programs, so that one whose mode is not known is refused too. */
export function poolerRefusal(mode: "transaction" | "untold"): TrailError {
  const why =
    mode === "transaction"
      ? "in transaction mode (PgBouncer): settings, locks and snapshots of a session would be lost, or reach other programs"
      : "that has no second connection free: whether it is in session mode cannot be told"
  return new TrailError("config", `this connection goes through a pooler ${why}`, {
    hint: "connect to the server itself; only append and the inserts of applications work through such a pooler",
  })
}
