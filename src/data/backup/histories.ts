// Whose backups lie at one place: copies of a log have its id, and go on by themselves, each with acts of its own.
import type { HasAct } from "./known-acts.js"
import type { BackupSummary, FoundBackup } from "./list.js"

type Told = FoundBackup & { readonly about: BackupSummary }

/**
 * Backups of one log and of the same part of it, the newest first, as lines in which each can have come from the one before it. Of one life
 * nobody can tell that for certain without all acts: what may belong to two lines goes on with that of its own database.
 */
export async function historiesOf(backups: readonly FoundBackup[], hasAct: HasAct): Promise<FoundBackup[][]> {
  const lines: Told[][] = []
  for (const backup of [...backups].reverse()) {
    const { about } = backup
    if (about === undefined) continue
    const one = { ...backup, about }
    const latest = [...lines].sort((a, b) => (b[0]?.startedAt ?? 0) - (a[0]?.startedAt ?? 0))
    const line =
      latest.find(([last]) => last !== undefined && goesOn(last.about, about)) ??
      (await lineBefore(latest, one, hasAct))
    if (line === undefined) lines.push([one])
    else line.unshift(one)
  }
  const own = new Map(backups.map((backup) => [backup.name, backup]))
  return lines.map((line) => line.flatMap(({ name }) => own.get(name) ?? []))
}

/** The same life of the same database, with the acts that were there and perhaps further ones. */
function goesOn(last: BackupSummary, next: BackupSummary): boolean {
  if (last.database !== next.database || last.incarnation !== next.incarnation) return false
  if (last.act === null || next.act === null) return last.act === null
  const [before, after] = [BigInt(last.act.seq), BigInt(next.act.seq)]
  return after > before || (after === before && last.act.hash === next.act.hash)
}

/** It was restored, or set back and that was recorded, whatever the database is called now, and has all that was backed up before. */
async function lineBefore(
  lines: readonly Told[][],
  { name, about }: Told,
  hasAct: HasAct,
): Promise<Told[] | undefined> {
  for (const line of lines) {
    const [last] = line
    if (last === undefined || BigInt(about.incarnation) <= BigInt(last.about.incarnation)) continue
    const { act } = last.about
    // A trial restore of an old backup, somewhere else, has a life of its own as well, and lacks what came after that backup.
    const isPast = act === null || BigInt(about.act?.seq ?? "0") >= BigInt(act.seq)
    if (isPast && (act === null || (await hasAct(name, act)))) return line
  }
  return undefined
}

/**
 * Empty where it is plain that the newest of these backups is meant; else which databases they may be of. A line of the same database that
 * had ended when the newest began its present life is past.
 */
export async function rivalsIn(backups: readonly FoundBackup[], hasAct: HasAct): Promise<readonly string[]> {
  const [newest] = backups
  const lines = await historiesOf(backups, hasAct)
  const own = lines.find((line) => line.some(({ name }) => name === newest?.name)) ?? []
  const life = own.filter(
    ({ about }) =>
      about?.database === newest?.about?.database && about?.incarnation === newest?.about?.incarnation,
  )
  const begun = life.at(-1)?.startedAt ?? 0
  const rivals = lines
    .filter((line) => line !== own)
    .flatMap(([last]) => last ?? [])
    .filter(({ about, startedAt }) => startedAt > begun || about?.database !== newest?.about?.database)
  if (rivals.length === 0) return []
  return [newest, ...rivals].map(
    (one) => `${one?.about?.database} up to act ${one?.about?.act?.seq ?? "none"}, as ${one?.name}`,
  )
}
