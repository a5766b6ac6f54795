// pgtrail export create: events taken out of the log, with all that somebody needs who must rely on them.
import {
  between,
  choice,
  command,
  configurable,
  count,
  file,
  flag,
  list,
  reference,
  required,
} from "../../cli/command.js"
import { describeFilter, eventFilterOptions, readEventFilter, writeOptions } from "../../cli/event-filter.js"
import { readSecret } from "../../cli/secret.js"
import { TrailError } from "../../data/errors.js"
import { type EventColumn, eventColumns, isEventColumn } from "../../data/event-columns.js"
import { exportFormats, exportGroups } from "../../data/export/shape.js"
import { near } from "../../data/near.js"
import { describeDetached } from "../../data/query/detached.js"
import { grouped, plural } from "../../data/words.js"

/** As `pgtrail verify`. */
const exits = { intact: 0, tampered: 1, rolled_back: 1, unchecked: 3, incomplete: 4 } as const

export default command({
  summary: "write events into a folder, with a manifest that proves what they are",
  description:
    "The folder gets the events, oldest first, as csv (or ndjson or xml: --format), and manifest.json: who made it, when and from which log, " +
    "what was asked for, how many events there are and how many are left out, the first and last of each lane, what was purged, the newest " +
    "verification and checkpoint, and the sha256 of each file. With --key the manifest is signed. The export is recorded as an act.\n\n" +
    "With no other filters than --org, --since and --until it is evidence: pgtrail export verify follows every chain in it, without a " +
    "database. --exclude identity takes out who acted, and still verifies. Any other filter makes it an extract, in which each event verifies " +
    "by itself. --fields and --excel (for spreadsheets, which runs no formula) prove nothing of single events, and the manifest says so.\n\n" +
    'CSV is what PostgreSQL\'s COPY writes: nothing between two commas is null, "" is the empty text. The format is described in FORMAT.md.',
  formats: ["xml"],
  formatOption: choice("--format <format>", "form of the files, csv where none is named", exportFormats),
  options: {
    ...eventFilterOptions,
    out: required(file("--out <folder>", "a folder that is not there yet")),
    exclude: list("--exclude <group>", "leaves out identity (who acted) or content (on what)"),
    split: between(1, 1_000_000_000, count("--split <n>", "at most this many events a file")),
    excel: flag("--excel", "CSV for spreadsheets: marked as UTF-8, and without formulas"),
    key: configurable(
      reference("--key <reference>", "signs the manifest: file:PATH, env:NAME or cmd:COMMAND"),
    ),
    checkpoint: list("--checkpoint <file>", "signed checkpoint that may cover the export, for the manifest"),
    publicKey: configurable(list("--public-key <file>", "public key that vouches for checkpoints")),
    verify: flag("--verify", "verifies first what is exported; its verdict decides the exit code"),
  },
  examples: [
    {
      run: "pgtrail export create --org acme --since 2026-07 --until 2026-10 --out acme-2026-q3 --key file:audit.key",
      shows: "a quarter of one organization, as signed evidence",
    },
    {
      run: "pgtrail export create --org acme --exclude identity --format ndjson --out acme-without-names",
      shows: "evidence without who acted",
    },
    {
      run: "pgtrail export create --type 'auth.*' --outcome denied --excel --out denied",
      shows: "a list for a spreadsheet",
    },
  ],
  async run({ options, session }) {
    const filter = readEventFilter(options)
    const exclude = options.exclude.map((typed) => choose(typed))
    const columns = session.fields?.map(column)
    const format = exportFormats.find((name) => name === session.format) ?? "csv"
    const key = options.key === undefined ? undefined : await readSecret(options.key, session.io)
    const trail = await session.trail()
    const made = await trail.createExport({
      out: session.path(options.out),
      filter,
      typed: writeOptions(options),
      format,
      exclude,
      columns,
      excel: options.excel,
      split: options.split,
      key,
      checkpoints: options.checkpoint.map((path) => session.path(path)),
      publicKeys: options.publicKey.map((path) => session.path(path)),
      verify: options.verify,
      signal: session.signal,
      progress: (events) => session.progress(`${grouped(events)} events written`),
    })
    for (const warning of made.warnings) session.warn(warning)
    const { manifest, sha256, act, not_recorded } = made
    const { kind, population, files, verification } = manifest
    const verdict = verification?.made_for_export === true ? verification.verdict : "intact"
    const text = [
      `${kind}: ${plural(population.exported, "event")} in ${plural(files.length, "file")}, ${grouped(population.omitted)} omitted${act === null ? "" : `, recorded as act ${act}`}`,
      `  ${options.out}/manifest.json  ${sha256}`,
      ...(verification?.made_for_export === true ? [`  verified: ${verdict}`] : []),
      "",
    ].join("\n")
    const document = {
      schema: "pgtrail.export_created/1",
      out: options.out,
      kind,
      checks: manifest.checks,
      population,
      files: files.map(({ name }) => name),
      manifest_sha256: sha256,
      key: made.key,
      verification,
      checkpoint: manifest.checkpoint,
      act,
      not_recorded,
    }
    const json = `${JSON.stringify(document, undefined, 2)}\n`
    const notes = [
      describeFilter(filter),
      describeDetached(manifest.detached ?? []),
      not_recorded === null ? undefined : `this export was not recorded: ${not_recorded}`,
      `next: pgtrail export verify ${options.out}`,
    ]
    return {
      schema: document.schema,
      columns: eventColumns.map((name) => ({ name })),
      rows: [],
      // --format and --fields say what the files are, and not the answer.
      forms: { table: text, csv: text, xml: text, json, ndjson: `${JSON.stringify(document)}\n` },
      note: notes.filter(Boolean).join("\n"),
      exit: Object.hasOwn(exits, verdict) ? exits[verdict as keyof typeof exits] : 0,
    }
  },
})

function choose(typed: string): (typeof exportGroups)[number] {
  const group = exportGroups.find((name) => name === typed)
  if (group !== undefined) return group
  throw new TrailError("usage", `--exclude takes ${exportGroups.join(" or ")}, not ${JSON.stringify(typed)}`)
}

function column(typed: string): EventColumn {
  if (isEventColumn(typed)) return typed
  const [meant] = near(typed.slice(0, 100), eventColumns, 1)
  throw new TrailError(
    "usage",
    `unknown field: ${typed}${meant === undefined ? "" : `, did you mean ${meant}?`}`,
  )
}
