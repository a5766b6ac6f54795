// Backups in words: those of a place as rows, and one with all that it says of itself.
import { ageWords } from "../status/checks.js"
import { size } from "../status/facts.js"
import { grouped, plural, visible } from "../words.js"
import { type FoundBackup, isGood, milliseconds, type ReadFoundBackup } from "./list.js"
import { type BackupManifest, filesOf, isWhole, stored } from "./manifest.js"
import { type BackupResult, badResult, knownResult } from "./results.js"
import { nextOf } from "./unfinished.js"

/** A backup of a list; what its manifest says is null where there is none that can be read. */
export interface ListedBackup {
  readonly name: string
  readonly state: FoundBackup["state"]
  readonly problem: string | null
  readonly database: string | null
  readonly log_id: string | null
  readonly incarnation: string | null
  /** 2026-11-22T01:30:00.000000Z */
  readonly started_at: string
  readonly age_seconds: string
  readonly finished_at: string | null
  readonly events: string | null
  /** As its files lie there. */
  readonly bytes: string
  /** Files that were taken over from another backup. */
  readonly taken_over: string | null
  readonly encrypted: boolean | null
  /** What it was limited to. */
  readonly partition: string | null
  readonly organization: string | null
  readonly level: string | null
  readonly kept: string | null
  readonly kept_by: string | null
  readonly kept_at: string | null
  /** Of the closest verification that was kept, or of one that found it bad and that no later one refutes. */
  readonly verified: BackupResult["verdict"] | null
  readonly verified_level: BackupResult["level"] | null
  readonly verified_at: string | null
  readonly findings: string | null
}

/** As its manifest has it; else by its name. */
export const startOf = ({ about, startedAt }: FoundBackup): string =>
  timeText(about?.started_at) ?? timeOf(startedAt)

export function listedBackup(found: FoundBackup, now: number): ListedBackup {
  const last = knownResult(found.results)
  const { kept, about } = found
  return {
    name: found.name,
    state: found.state,
    problem: found.problem,
    database: about?.database ?? null,
    log_id: about?.log_id ?? null,
    incarnation: about?.incarnation ?? null,
    started_at: startOf(found),
    age_seconds: String(Math.floor((now - found.startedAt) / 1000)),
    finished_at: timeText(about?.finished_at),
    events: about?.events ?? null,
    bytes: String([...found.files.values()].reduce((total, bytes) => total + bytes, found.partial ?? 0n)),
    taken_over: about === undefined ? null : String(about.taken_over),
    encrypted: about?.encrypted ?? null,
    partition: about?.partition ?? null,
    organization: about?.organization ?? null,
    level: about === undefined ? null : String(about.level),
    kept: kept?.reason ?? null,
    kept_by: kept?.by ?? null,
    kept_at: kept?.at ?? null,
    verified: last?.verdict ?? null,
    verified_level: last?.level ?? null,
    verified_at: last?.at ?? null,
    findings: last?.findings ?? null,
  }
}

const timeOf = (time: number): string => new Date(time).toISOString().replace(/Z$/, "000Z")

/** A manifest has microseconds, and its zone as PostgreSQL writes it. */
function timeText(time: string | undefined): string | null {
  if (time === undefined || milliseconds(time) === undefined) return null
  const [, second = "", fraction = ""] = /^([^.Z+]+)(?:\.(\d+))?/.exec(time) ?? []
  return `${second}.${fraction.slice(0, 6).padEnd(6, "0")}Z`
}

export function scopeWords({ partition, organization }: Pick<BackupManifest, "partition" | "organization">) {
  if (partition !== null) return `partition ${visible(partition)}`
  return organization === null ? "whole log" : `organization ${visible(organization)}`
}

/** "intact, restore-test, 2d 3h ago" */
export function resultWords(
  { verdict, level, at, findings }: Pick<BackupResult, "verdict" | "level" | "at" | "findings">,
  now: number,
): string {
  const count = findings === "0" ? "" : `, ${plural(findings, "finding")}`
  return `${verdict}${count}, ${level}, ${agoWords(now - Date.parse(at))}`
}

export const agoWords = (ms: number): string =>
  ms < -1000 ? `${ageWords(-ms / 1000)} ahead` : `${ageWords(ms / 1000)} ago`

const width = 14
const line = (name: string, value: string): string => `${name.padEnd(width)}${value}`.trimEnd()
/** A long list is in --json. */
const most = 40

export function describeFound(found: ReadFoundBackup, location: string, now: number): string {
  const { read, kept, results } = found
  const listed = listedBackup(found, now)
  return [
    `${found.name}: ${found.state}`,
    ...(found.problem === null ? [] : [line("problem", visible(found.problem))]),
    line("place", visible(location)),
    line("begun", `${listed.started_at}, ${agoWords(now - found.startedAt)}`),
    ...(read === undefined
      ? [
          line("files", `${found.files.size}, ${size(listed.bytes)}`),
          ...unfinishedLines(found, location, now),
        ]
      : manifestLines(read.manifest, read.sha256, listed)),
    ...(kept === null ? [] : [line("kept", `${visible(kept.reason)}${keptBy(kept)}`)]),
    ...(results.length === 0
      ? [line("verified", "not known")]
      : shownOf(results).map((result) =>
          line("verified", `${resultWords(result, now)}, by ${visible(result.by)}`),
        )),
    ...(read === undefined ? [] : ["", ...tableLines(read.manifest)]),
  ].join("\n")
}

/** Whether a newer one is finished only the list tells. */
const unfinishedLines = (found: FoundBackup, location: string, now: number): string[] =>
  found.state !== "unfinished"
    ? []
    : [
        ...(found.modifiedAt === 0 ? [] : [line("last written", agoWords(now - found.modifiedAt))]),
        line("next", visible(nextOf(found, location, false))),
      ]

/** What is the matter with one of a list, and of an unfinished one what to do with it. */
export function problemWords(
  one: FoundBackup,
  all: readonly FoundBackup[],
  location: string,
  now: number,
): string {
  if (one.state !== "unfinished") return `${one.problem}`
  const written = one.modifiedAt === 0 ? "" : ` (last written ${agoWords(now - one.modifiedAt)})`
  const isPassed = all.some((other) => {
    const { about, startedAt } = other
    return isGood(other) && about !== undefined && isWhole(about) && startedAt > one.startedAt
  })
  return `${one.problem}${written}; ${nextOf(one, location, isPassed)}`
}

/** The newest, and the one that counts against it. */
function shownOf(results: readonly BackupResult[]): readonly BackupResult[] {
  const newest = results.slice(0, 10)
  const bad = badResult(results)
  return bad === undefined || newest.includes(bad) ? newest : [...newest, bad]
}

const keptBy = ({ by, at }: { readonly by: string; readonly at: string }): string =>
  at === "" ? "" : `, by ${visible(by)} at ${at}`

function manifestLines(manifest: BackupManifest, sha256: string, listed: ListedBackup): string[] {
  const { heads, act, checkpoint, tables } = manifest
  const from = tables.filter((table) => table.taken_over !== null)
  const backups = [...new Set(from.map((table) => table.taken_over?.backup ?? ""))]
  const recipients = [...new Set(filesOf(manifest).flatMap(({ age }) => age?.recipients ?? []))]
  return [
    line("ended", listed.finished_at ?? visible(manifest.finished_at)),
    line("log", `${manifest.log_id}, incarnation ${manifest.incarnation}`),
    line("of", scopeWords(manifest)),
    line(
      "database",
      `${visible(manifest.database)}, PostgreSQL ${visible(manifest.server_version)}${manifest.is_standby ? ", a standby" : ""}, by ${visible(manifest.created_by)}`,
    ),
    line(
      "schema",
      `version ${manifest.level}${manifest.has_roles ? "" : ", without roles"}, pgtrail ${visible(manifest.tool_version)}`,
    ),
    line(
      "events",
      `${grouped(manifest.events)} in ${plural(tables.filter(({ kind }) => kind !== "table").length, "partition")}`,
    ),
    line("heads", `${plural(heads.lanes, "lane")}, ${plural(heads.events, "event")} appended`),
    line("", `sha256 ${heads.digest}`),
    line("newest act", act === null ? "none" : `${act.seq}, ${act.hash}`),
    line(
      "checkpoint",
      checkpoint === null ? "none is in it" : `${visible(checkpoint.recorded_at)}, act ${checkpoint.act}`,
    ),
    line("size", `${size(listed.bytes)} (${plural(listed.bytes, "byte")})`),
    ...(from.length === 0
      ? []
      : [line("taken over", `${plural(from.length, "file")}, from ${backups.join(", ")}; they are its own`)]),
    ...(recipients.length === 0
      ? [line("encrypted", "no")]
      : recipients.map((recipient) => line("encrypted to", visible(recipient)))),
    line("manifest", sha256),
    ...besideLines(manifest),
  ]
}

function besideLines({ beside = [] }: BackupManifest): string[] {
  if (beside.length === 0) return []
  return ["", "was there, and is in none of its files:", ...listedBeside(beside)]
}

/** What a manifest says: it is shown, and never run. */
export function listedBeside(beside: readonly string[]): string[] {
  const rest = beside.length - most
  const lines = beside.slice(0, most).map((statement) => `  ${visible(statement)};`)
  return rest > 0 ? [...lines, `  and ${rest} more, in --json`] : lines
}

function tableLines(manifest: BackupManifest): string[] {
  const shown = manifest.tables.slice(0, most)
  const rest = manifest.tables.length - shown.length
  return [
    ...shown.map((table) => {
      const range = table.since === null ? "" : `, ${table.since} to ${table.until}`
      const kind = table.kind === "detached" ? ", detached" : ""
      return `${visible(table.name)}: ${plural(table.rows, "row")}, ${size(stored(table.file).bytes)}${kind}${visible(range)}`
    }),
    ...(rest > 0 ? [`and ${rest} more, in --json`] : []),
  ]
}
