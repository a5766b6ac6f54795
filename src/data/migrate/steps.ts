// Which migrations a run applies or takes back, each a step of its own that leaves a whole log.
import { TrailError } from "../errors.js"
import { type Migration, migrations, type Version, versionAt, versions } from "../sql-files.js"
import { version } from "../version.js"
import { fullName, type SchemaState } from "./state.js"

/** One transaction: these migrations, then the code, grants and description of `version`. */
export interface StepUp {
  readonly migrations: readonly Migration[]
  readonly version: Version
}

/** One transaction: takes `migration` back, and gives the log the code, grants and description of `version`. */
export interface StepDown {
  readonly migration: Migration
  readonly version: Version
}

/** What brings a log in `state` to migration `to`. A new log takes one step; no step where nothing is pending. */
export function stepsUp(state: SchemaState, to?: number): StepUp[] {
  const all = migrations()
  const target = targetOf(to, all)
  if (target.number < state.level) {
    throw new TrailError("usage", `the log is at migration ${state.level} already, which is after ${to}`, {
      hint: `nothing was changed; to take migrations back: pgtrail migrate down --to ${to}`,
    })
  }
  const pending = all.filter((m) => m.number > state.level && m.number <= target.number)
  if (!state.installed) return [{ migrations: pending, version: target }]
  if (pending.length === 0) {
    const { codeChecksum, catalogChecksum } = target
    const isThere = state.codeChecksum === codeChecksum && state.catalogChecksum === catalogChecksum
    return isThere ? [] : [{ migrations: [], version: target }]
  }
  const shipped = new Map(versions().map((one) => [one.number, one]))
  const steps: StepUp[] = []
  let gathered: Migration[] = []
  for (const migration of pending) {
    gathered.push(migration)
    const reached = shipped.get(migration.number)
    // Without the code of its own time a migration does not make a whole log: it goes together with the next.
    if (reached === undefined) continue
    steps.push({ migrations: gathered, version: reached })
    gathered = []
  }
  return steps
}

/** What brings a log in `state` down to migration `to`, the newest first; `steps` are counted from `level`. */
export function stepsDown(
  state: SchemaState,
  wanted: { to?: number | undefined; steps?: number | undefined },
  level: number = state.level,
): StepDown[] {
  if (wanted.to !== undefined && wanted.steps !== undefined) {
    throw new TrailError("usage", "--steps and --to contradict each other")
  }
  if (wanted.steps === 0) throw new TrailError("usage", "--steps takes a number from 1")
  const to = wanted.to ?? level - (wanted.steps ?? 1)
  if (to < 1) {
    const first = migrations()[0]
    const name = first === undefined ? "the first migration" : `migration ${fullName(first)}`
    throw new TrailError("usage", `${name} is the log itself: there is no way down from it`, {
      hint: "nothing was changed; to take the whole log away: pgtrail uninstall",
    })
  }
  if (to > state.level) {
    throw new TrailError("usage", `the log is at migration ${state.level}, which is before ${to}`, {
      hint: `nothing was changed; to apply migrations: pgtrail migrate up --to ${to}`,
    })
  }
  return migrations()
    .filter((m) => m.number > to && m.number <= state.level)
    .reverse()
    .map((migration) => ({ migration, version: targetOf(migration.number - 1, migrations()) }))
}

function targetOf(to: number | undefined, all: readonly Migration[]): Version {
  const newest = all.at(-1)?.number ?? 0
  const found = versionAt(to ?? newest)
  if (found !== undefined) return found
  throw new TrailError("usage", `there is no migration ${to}: this pgtrail ${version} has 1 to ${newest}`, {
    hint: "nothing was changed; pgtrail migrate status lists them",
  })
}
