// pgtrail import file: events from files, each once.
import { arg, choice, command, count, file, type Row, text } from "../../cli/command.js"
import { TrailError } from "../../data/errors.js"

/** A good first guess for who does not know how many are bad. */
const generousErrors = 1000
/** Of a file that is something else altogether nobody wants to see every line named. */
const namedErrors = 20

export default command({
  summary: "import events from files, resumable",
  description:
    "A file is known by the sha256 of its uncompressed content: importing it again adds nothing, and an import that was stopped goes on " +
    "where it was. A file that only grows (a log, the spool file of a writer) is given a name with --source; then only what is new is imported, a last " +
    "line that is not finished is left for the next time, and another file under that name is refused. Compressed files (gzip) are read " +
    "as they are.\n\n" +
    "A bad record is named with its line. Up to --max-errors of them are left out (and written to --rejects); one more ends the import: " +
    "the batch in hand is rolled back, earlier batches stay. Do not edit the file then: a corrected file is another source, and its earlier " +
    "batches would come in again. Let the bad records go to --rejects, correct that file and import it.\n\n" +
    "Of a spool file, what its writer had appended after all is left out for 24 hours. What another import has brought is not: import a " +
    "spool file that grows with --source, or its events come in twice.",
  args: { files: arg("files, or - for standard input", "many") },
  options: {
    from: choice("--from <format>", "what the files are", ["ndjson", "cloudtrail"] as const, "ndjson"),
    org: text("--org <name>", "organization of events that name none; of all, with cloudtrail"),
    source: text("--source <name>", "name of a source that grows, instead of its sha256"),
    rejects: file("--rejects <file>", "append bad records to this file"),
    maxErrors: count("--max-errors <n>", "leave out so many bad records before giving up", 0),
    batchSize: count("--batch-size <n>", "records in a transaction", 5000),
  },
  examples: [
    {
      run: "pgtrail import file --org acme events.ndjson",
      shows: "one event a line, keys are the columns of an event",
    },
    {
      run: "pgtrail import file --from cloudtrail trail/*.json.gz",
      shows: "AWS CloudTrail, as S3 delivers it",
    },
    {
      run: "pgtrail import file --source app-1 /var/log/app/audit.ndjson",
      shows: "what is new in a file that grows; fit for cron",
    },
  ],
  async run({ args, options, session }) {
    const { from, org: organization, source, maxErrors, batchSize } = options
    if (source !== undefined && args.files.length > 1) {
      throw new TrailError("usage", "--source names one file, and there are several", {
        hint: "pgtrail import file --source NAME FILE, once for each file",
      })
    }
    if (batchSize === 0) throw new TrailError("usage", "--batch-size takes a number above 0")
    const trail = await session.trail()
    const rejects = options.rejects === undefined ? undefined : session.path(options.rejects)
    let [added, rejected, found] = [0, 0, 0]

    async function* rows(): AsyncGenerator<Row> {
      for (const name of args.files) {
        const before = found
        const result = await trail
          .importFile(name === "-" ? session.io.stdin : session.path(name), {
            format: from,
            name,
            source,
            organization,
            batchSize,
            rejects,
            maxErrors: maxErrors - rejected,
            signal: session.signal,
            onRejected({ line, reason }) {
              found += 1
              if (found - before <= namedErrors) session.warn(`${name}:${line}: ${reason}`)
            },
            onProgress: (soFar) =>
              session.progress(`${name}: ${soFar.records} records, ${soFar.added} events added`),
          })
          .catch((error: unknown) => {
            throw withCommand(error)
          })
          .finally(() => {
            const more = found - before - namedErrors
            if (more > 0) session.warn(`${name}: and ${more} more bad ${more === 1 ? "record" : "records"}`)
          })
        added += result.added
        rejected += result.rejected
        yield {
          file: name,
          source: source ?? result.source.slice(0, 12),
          records: String(result.records),
          added: String(result.added),
          rejected: String(result.rejected),
          skipped: String(result.skipped),
        }
      }
    }

    /** The hint is the very command that goes on. */
    function withCommand(error: unknown): unknown {
      if (!(error instanceof TrailError) || error.code !== "incomplete" || error.hint !== undefined)
        return error
      const words = [
        ...["pgtrail", "import", "file"],
        ...(from === "ndjson" ? [] : ["--from", from]),
        ...(organization === undefined ? [] : ["--org", organization]),
        ...(source === undefined ? [] : ["--source", source]),
        ...["--rejects", options.rejects ?? "rejects.ndjson"],
        ...["--max-errors", String(Math.max(generousErrors, found * 10))],
        ...args.files,
      ]
      return new TrailError("incomplete", `${error.message}${advice()}`, {
        hint: words.map(quoted).join(" "),
        cause: error,
      })
    }

    /** With --source only the position counts, and what stands behind it may be corrected in the file. */
    function advice(): string {
      if (source !== undefined) return ""
      const kept = options.rejects ?? "rejects.ndjson"
      return `; do not edit the file, or its earlier batches come in again: run this, then correct and import ${kept}`
    }

    return {
      schema: "pgtrail.import/1",
      columns: [
        { name: "file" },
        { name: "source" },
        { name: "records", kind: "number" },
        { name: "added", kind: "number" },
        { name: "rejected", kind: "number" },
        { name: "skipped", kind: "number" },
      ],
      rows: rows(),
      note: () =>
        added === 0 && rejected === 0
          ? "nothing to add: every record was imported before"
          : `added ${added} ${added === 1 ? "event" : "events"}${rejected === 0 ? "" : `, left out ${rejected} bad`}`,
    }
  },
})

/** For a POSIX shell. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
