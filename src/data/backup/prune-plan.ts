// Which backups stay, which go, and why: decided by what lies there, before anything is touched.
import { historiesOf } from "./histories.js"
import type { HasAct } from "./known-acts.js"
import { type FoundBackup, isGood } from "./list.js"
import { type KeepRules, keptBy } from "./prune-rules.js"
import { badResult, damageResult } from "./results.js"

export interface Fate {
  readonly backup: FoundBackup
  readonly goes: boolean
  /** Why it stays, or why it goes. */
  readonly reason: string
}

const day = 86_400_000
/** A backup that takes longer is none that anybody waits for. */
const atWork = 7 * day

/** In the order of `found`. */
export async function planPrune(
  found: readonly FoundBackup[],
  rules: KeepRules,
  now: number,
  hasAct: HasAct,
): Promise<Fate[]> {
  const groups = new Map<string, FoundBackup[]>()
  const fates = new Map<FoundBackup, Fate>()
  for (const backup of found) {
    const group = groupOf(backup)
    if (group === undefined) fates.set(backup, alone(backup, now))
    else groups.set(group, [...(groups.get(group) ?? []), backup])
  }
  for (const group of groups.values()) {
    const histories = await historiesOf(group, hasAct)
    for (const history of histories) {
      const of = histories.length > 1 ? wordsOf(history) : ""
      for (const fate of ofGroup(history, rules, now)) {
        fates.set(fate.backup, { ...fate, reason: `${fate.reason}${of}` })
      }
    }
  }
  return found.flatMap((backup) => fates.get(backup) ?? [])
}

/** Backups of one log, and of the same part of it; copies of a log are told apart by their histories. */
function groupOf({ about }: FoundBackup): string | undefined {
  if (about === undefined) return undefined
  const { log_id, partition, organization } = about
  return JSON.stringify([log_id, partition, organization])
}

/** Where several databases have copies of one log, each has its own newest. */
function wordsOf([newest]: readonly FoundBackup[]): string {
  const { database, act } = newest?.about ?? {}
  return ` (of database ${database} up to act ${act?.seq ?? "none"})`
}

function alone(backup: FoundBackup, now: number): Fate {
  const { state, problem, kept, startedAt, modifiedAt } = backup
  if (kept !== null) return stays(backup, `kept: ${kept.reason}`)
  if (state !== "unfinished") return stays(backup, `${problem ?? state}: nobody can tell of what it is`)
  const isYoung = now - Math.max(startedAt, modifiedAt) < atWork
  return isYoung
    ? stays(backup, "unfinished, and younger than 7 days: it may be at work, or be gone on with")
    : goes(backup, "unfinished for more than 7 days")
}

function ofGroup(group: readonly FoundBackup[], rules: KeepRules, now: number): Fate[] {
  // One from the future would push out others, and by another clock it may be older than they are.
  const isOfFuture = ({ startedAt }: FoundBackup): boolean => startedAt > now + day
  const good = group.filter((backup) => isGood(backup) && !isOfFuture(backup))
  const reasons = keptBy(
    good.map(({ startedAt }) => startedAt),
    rules,
  )
  const [newest] = good
  const proven = good.find(({ results }) => results.some(({ verdict }) => verdict === "intact"))
  // When that was done nothing else may tell.
  const since = proven?.startedAt ?? Number.NEGATIVE_INFINITY
  const first = good.findLast(
    ({ results, startedAt }) => startedAt > since && badResult(results) !== undefined,
  )
  // It may have the right bytes, whether anybody has looked at it or not.
  const before =
    first && good.find((one) => one.startedAt < first.startedAt && badResult(one.results) === undefined)
  return group.map((backup) => {
    if (backup.kept !== null) return stays(backup, `kept: ${backup.kept.reason}`)
    if (backup.isRewritten === true) return stays(backup, `${backup.problem}; look at it`)
    if (isOfFuture(backup)) return stays(backup, "it began in the future, by the clock of this machine")
    if (newest === undefined) return stays(backup, "there is no good backup of this log")
    const at = good.indexOf(backup)
    if (at === -1) {
      const wrong = `${wrongWith(backup)}`
      return backup.startedAt > newest.startedAt
        ? stays(backup, `${wrong}; it is newer than every good one: look at it`)
        : goes(backup, wrong)
    }
    const why = [
      ...(reasons[at] ?? []),
      ...(backup === newest ? ["newest good one"] : []),
      ...(backup === proven ? ["newest that was found intact"] : []),
      ...(backup === first ? ["first with a log that was tampered with"] : []),
      ...(backup === before && backup !== proven ? ["newest before the log was found tampered with"] : []),
    ]
    return why.length > 0 ? stays(backup, why.join(", ")) : goes(backup, "no rule keeps it")
  })
}

function wrongWith({ problem, results }: FoundBackup): string {
  const bad = damageResult(results)
  return bad === undefined ? `damaged: ${problem}` : `found damaged at ${bad.at}`
}

const stays = (backup: FoundBackup, reason: string): Fate => ({ backup, goes: false, reason })
const goes = (backup: FoundBackup, reason: string): Fate => ({ backup, goes: true, reason })
