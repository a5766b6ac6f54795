// pgtrail backup list: which backups lie at a place, how old each is, and whether it is good. Needs no database.
import { placeConfiguration, placeOf, recordedOf } from "../../cli/backup.js"
import { arg, command, type Row } from "../../cli/command.js"
import { storeContext } from "../../cli/store.js"
import { listBackups } from "../../data/backup/at-place.js"
import {
  agoWords,
  type ListedBackup,
  listedBackup,
  problemWords,
  resultWords,
  scopeWords,
} from "../../data/backup/describe.js"
import type { FoundBackup } from "../../data/backup/list.js"
import { type Recorded, unrecordedWords } from "../../data/backup/recorded.js"
import { badResult, knownResult } from "../../data/backup/results.js"
import { size } from "../../data/status/facts.js"
import { plural } from "../../data/words.js"

export default command({
  summary: "list the backups of a place: age, events, size, and whether each is good",
  description:
    "Reads the manifests, and looks whether the files are there in their size; what is in them pgtrail backup verify tells, whose results stand here. " +
    "finished: all is there. damaged: it is not. unread: of a later pgtrail, or not to be read by you. unfinished: it has no manifest yet, was stopped, or is half removed; " +
    "pgtrail backup create --incremental goes on with what is whole of it, pgtrail backup prune removes it after 7 days. Sizes are those of the files; what was taken over may share its space with another backup.\n\n" +
    "verified is the closest look that was kept (restore-test, full, quick), or one that found it tampered with; pgtrail backup show has them all.\n\n" +
    "Exit code 1 where one is damaged, or was found tampered with. Needs no database; with --url on the line, of the log that was backed up, a manifest that is not the one that the log recorded counts as damaged.",
  args: {
    place: arg(
      "a folder or s3://BUCKET/PREFIX; the configured backup.create.to where it is missing",
      "optional",
    ),
  },
  configuration: placeConfiguration,
  configuredUnder: "backup create",
  examples: [
    { run: "pgtrail backup list /srv/backup", shows: "all backups there, the newest first" },
    { run: "pgtrail backup list s3://audit-backup/prod --json", shows: "all that is known of each" },
  ],
  async run({ args, configuration, session }) {
    const { location } = placeOf(args.place, configuration, session)
    const { signal } = session
    const recorded = await recordedOf(session)
    const found = await listBackups(location, {
      store: { ...storeContext(session), signal },
      recorded,
      signal,
    })
    const now = Date.now()
    const listed = found.map((one) => listedBackup(one, now))
    const isShort = session.format === "table" && session.fields === undefined
    return {
      schema: "pgtrail.listed_backup/1",
      columns: isShort ? shortColumns : allColumns,
      rows: isShort
        ? found.map((one, at) => shortRow(one, listed[at], now))
        : listed.map((one) => ({ ...one })),
      note: () => noteOf(found, location, recorded, now),
      exit: found.some(isWrong) ? 1 : 0,
    }
  },
})

const isWrong = ({ state, results }: FoundBackup): boolean =>
  state === "damaged" || badResult(results) !== undefined

const shortColumns = [
  { name: "name", whole: true },
  { name: "state" },
  { name: "database" },
  { name: "of" },
  { name: "begun" },
  { name: "events", kind: "number" },
  { name: "size", align: "right" },
  { name: "taken_over", title: "taken over", kind: "number" },
  { name: "encrypted", kind: "boolean" },
  { name: "verified" },
  { name: "kept" },
] as const

const allColumns = [
  { name: "name", whole: true },
  ...["state", "problem", "database", "log_id", "incarnation", "started_at"].map((name) => ({ name })),
  { name: "age_seconds", kind: "number" as const },
  { name: "finished_at" },
  ...["events", "bytes", "taken_over"].map((name) => ({ name, kind: "number" as const })),
  { name: "encrypted", kind: "boolean" as const },
  ...["partition", "organization"].map((name) => ({ name })),
  { name: "level", kind: "number" as const },
  ...["kept", "kept_by", "kept_at", "verified", "verified_level", "verified_at"].map((name) => ({ name })),
  { name: "findings", kind: "number" as const },
]

function shortRow(found: FoundBackup, listed: ListedBackup | undefined, now: number): Row {
  const { about, results, kept } = found
  const last = knownResult(results)
  return {
    name: found.name,
    state: found.state,
    database: listed?.database ?? null,
    of: about === undefined ? null : scopeWords(about),
    begun: agoWords(now - found.startedAt),
    events: listed?.events ?? null,
    size: size(listed?.bytes ?? "0"),
    taken_over: listed?.taken_over ?? null,
    encrypted: listed?.encrypted ?? null,
    verified: last === undefined ? null : resultWords(last, now),
    kept: kept?.reason ?? null,
  }
}

function noteOf(
  found: readonly FoundBackup[],
  location: string,
  recorded: Recorded | undefined,
  now: number,
): string {
  if (found.length === 0) return `there are no backups at ${location}`
  const problems = found
    .filter(({ state }) => state !== "finished")
    .map((one) => `${one.name}: ${problemWords(one, found, location, now)}`)
  const bad = found.flatMap(({ name, results }) => {
    const result = badResult(results)
    return result === undefined
      ? []
      : [`${name} was found ${result.verdict} at ${result.at}: pgtrail backup verify`]
  })
  const unfinished = found.some(({ state }) => state === "unfinished")
  return [
    `${plural(found.length, "backup")} at ${location}`,
    ...problems,
    ...bad,
    ...unrecordedWords(
      recorded,
      found.flatMap(({ name, about }) => (about === undefined ? [] : name)),
    ),
    ...(unfinished
      ? [
          "what is unfinished is no backup, and harms none; pgtrail backup prune removes it 7 days after it was last written",
        ]
      : []),
  ].join("\n")
}
