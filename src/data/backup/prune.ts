// Removes backups that no rule keeps. Each is whole by itself: what one took over from another stays its own.
import { TrailError } from "../errors.js"
import { type Store, wholeName } from "../store/store.js"
import { keepName } from "./keep.js"
import { actsIn } from "./known-acts.js"
import { findAllBackups } from "./list.js"
import { reading } from "./locate-words.js"
import { manifestName } from "./manifest.js"
import { type Fate, planPrune } from "./prune-plan.js"
import type { KeepRules } from "./prune-rules.js"
import type { RecordedOptions } from "./recorded.js"

export interface PruneOptions extends RecordedOptions {
  readonly rules: KeepRules
  /** Without it nothing is removed. */
  readonly confirmed: boolean
  /** Milliseconds; of this machine's clock where it is missing. */
  readonly now?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly progress?: ((name: string) => void) | undefined
}

export interface PrunedBackup extends Fate {
  /** `goes`: it would; `left`: it was to go, and did not. */
  readonly outcome: "stays" | "goes" | "removed" | "left"
  /** Why it was left, or what of it. */
  readonly problem: string | null
}

/** Every further one would fail as well, and take its time. */
const unreachable: ReadonlySet<string> = new Set(["unreachable", "connection-lost", "authentication"])

/** The newest first. Throws TrailError `usage` without a rule, and what the store throws where it cannot be read. */
export async function pruneIn(
  store: Store,
  { rules, confirmed, now = Date.now(), recorded, signal, progress }: PruneOptions,
): Promise<PrunedBackup[]> {
  if (Object.values(rules).every((rule) => rule === undefined || rule === 0)) {
    throw new TrailError("usage", "no rule says which backups are kept", {
      hint: "nothing was removed; --keep-last N, --keep-daily N, --keep-weekly N, --keep-monthly N, --keep-yearly N or --keep-within 1y6m",
    })
  }
  const found = await reading(findAllBackups(store, { signal, recorded }), store, "nothing was removed")
  const plan = await planPrune(found, rules, now, actsIn(store, { signal }))
  const pruned: PrunedBackup[] = []
  const isStopped = (): boolean => signal?.aborted === true
  for (const fate of plan) {
    if (!fate.goes || !confirmed) {
      pruned.push({ ...fate, outcome: fate.goes ? "goes" : "stays", problem: null })
      continue
    }
    const { name } = fate.backup
    if (isStopped()) throw stopped(pruned, signal?.reason)
    progress?.(name)
    try {
      pruned.push(await removed(store, fate, signal))
    } catch (error) {
      if (isStopped()) throw stopped(pruned, error)
      if (!(error instanceof TrailError)) throw error
      if (unreachable.has(error.code)) throw stoppedAt(name, pruned, error)
      pruned.push({ ...fate, outcome: "left", problem: error.message })
    }
  }
  return pruned
}

async function removed(store: Store, fate: Fate, signal: AbortSignal | undefined): Promise<PrunedBackup> {
  const { name } = fate.backup
  // Somebody may have meant to keep it while others were removed.
  if (fate.backup.kept === null && (await store.size(`${name}/${keepName}`)) !== undefined) {
    return { ...fate, goes: false, outcome: "stays", reason: "kept since", problem: null }
  }
  return { ...fate, outcome: "removed", problem: await removeBackup(store, name, signal) }
}

/** Tells what stays, in words: only what pgtrail wrote is removed. The manifest first: what is half removed is then a backup that was never finished, and never one that lacks files. */
async function removeBackup(
  store: Store,
  name: string,
  signal: AbortSignal | undefined,
): Promise<string | null> {
  await store.remove(`${name}/${manifestName}`)
  const keys = new Set<string>()
  const others: string[] = []
  const strange = (path: string): void => {
    if (wholeName(path) === undefined) others.push(path.slice(name.length + 1))
  }
  for await (const { key } of store.list(`${name}/`, { strange })) keys.add(key)
  for await (const { key } of store.unfinished(`${name}/`)) keys.add(key)
  for (const key of keys) {
    signal?.throwIfAborted()
    await store.remove(key)
  }
  const [first] = others
  if (first === undefined) return null
  return `its folder stays, with what is no file of pgtrail's: ${first}${others.length > 1 ? ` and ${others.length - 1} more` : ""}`
}

const countOf = (done: readonly PrunedBackup[]): string => {
  const count = done.filter(({ outcome }) => outcome === "removed").length
  return `${count} ${count === 1 ? "was" : "were"} removed before it`
}

const again = "what is half removed counts as unfinished; run it again"

function stoppedAt(name: string, done: readonly PrunedBackup[], error: TrailError): TrailError {
  return new TrailError(error.code, `${name} could not be removed: ${error.message}`, {
    hint: `${countOf(done)}; ${again}`,
    cause: error,
  })
}

const stopped = (done: readonly PrunedBackup[], cause: unknown): TrailError =>
  new TrailError("cancelled", "stopped before the end", { hint: `${countOf(done)}; ${again}`, cause })
