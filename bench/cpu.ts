// Processor time of programs and of server processes, from /proc: exact, because the kernel adds what a child used to its parent when it ends.
import { readFile } from "node:fs/promises"

/** Ticks a second of the times in /proc: 100 on every Linux that Node runs on. */
const ticks = 100

/** Seconds of processor time that the ended children of a process have used; undefined where /proc does not tell. */
export async function ofChildren(pid: number | "self" | undefined): Promise<number | undefined> {
  if (pid === undefined) return undefined
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")
  // The name of the program may have spaces; what follows its parenthesis has none.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  const [user, system] = [fields[13], fields[14]]
  return user === undefined || system === undefined ? undefined : (Number(user) + Number(system)) / ticks
}

export interface Cpu {
  readonly client: number
  readonly server: number
}

/**
 * Runs `work` and tells what processor time its children and the server's processes used that ended meanwhile. `settled` resolves when
 * the server's processes have ended.
 */
export async function measureCpu<T>(
  postmaster: number | undefined,
  work: () => Promise<T>,
  settled: () => Promise<void>,
): Promise<{ result: T; cpu: Cpu | undefined }> {
  const before = await Promise.all([ofChildren("self"), ofChildren(postmaster)])
  const result = await work()
  await settled()
  const after = await Promise.all([ofChildren("self"), ofChildren(postmaster)])
  const [client, server] = after.map((value, at) => difference(value, before[at]))
  return { result, cpu: client === undefined || server === undefined ? undefined : { client, server } }
}

const difference = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : a - b
