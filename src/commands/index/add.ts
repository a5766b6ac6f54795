// pgtrail index add: makes an index on every partition that lacks it.
import {
  arg,
  between,
  command,
  configurable,
  count,
  duration,
  flag,
  type Report,
  type Session,
} from "../../cli/command.js"
import { readDuration } from "../../data/duration.js"
import { TrailError } from "../../data/errors.js"
import { type IndexKind, indexKinds } from "../../data/event-index/kinds.js"
import { near } from "../../data/near.js"

export default command({
  summary: "make an index on every partition that lacks it, while the application writes",
  description:
    "search serves --grep and needs the extension pg_trgm; details serves --where; tags serves --tag and --compliance; " +
    "subject serves gdpr by an e-mail address, a name, an address or a device; external serves WHERE id = 5 and WHERE event_id = 'x' " +
    "in the views of the profiles agenttrace, audit-db and memoric, by two indexes a partition, and costs an event without such an id nothing. " +
    "Each makes every append dearer, search the most, and takes space: pgtrail index list.\n\n" +
    "Made partition by partition, newest first, each CONCURRENTLY: no writer waits. The server waits for transactions that were there " +
    "before, so that one which is idle for hours holds the run up: --lock-timeout. Run again, it goes on where a run was stopped, and " +
    "gives the index to partitions that came since: let cron run it. verify and migrate validate pass over such indexes.",
  args: { kind: arg("search, details, tags, subject or external", "required", indexKinds) },
  options: {
    jobs: configurable(between(1, 16, count("--jobs <n>", "partitions at once", 1))),
    lockTimeout: configurable(
      duration("--lock-timeout <duration>", "wait so long for a transaction that was there before", "1h"),
    ),
    dryRun: flag("--dry-run", "say which partitions lack it; change nothing"),
    printSql: flag("--print-sql", "print the SQL instead of running it, for psql without -1"),
  },
  examples: [
    { run: "pgtrail index add search", shows: "make --grep quick" },
    {
      run: "pgtrail index add details --dry-run",
      shows: "which partitions lack the index that --where uses",
    },
    { run: "pgtrail index add tags --print-sql > tags.sql", shows: "what a DBA runs by psql -X -f tags.sql" },
  ],
  run: ({ args, options, session }) => change(session, args.kind, "add", options),
})

export interface ChangeOptions {
  readonly jobs?: number
  readonly lockTimeout: string
  readonly dryRun: boolean
  readonly printSql: boolean
}

/** What `index add` and `index drop` have in common. */
export async function change(
  session: Session,
  typed: string,
  what: "add" | "drop",
  { jobs, lockTimeout, dryRun, printSql }: ChangeOptions,
): Promise<Report> {
  const kind = readKind(typed)
  const lockTimeoutMs = readDuration(lockTimeout, "--lock-timeout")
  const trail = await session.trail()
  const none = what === "add" ? "every partition has it" : "no partition has it"
  if (printSql) {
    const sql = await trail.indexSql(kind, what)
    const text = sql === "" ? `-- nothing to do: ${none}\n` : sql
    return { schema: "pgtrail.sql/1", columns: [{ name: "sql" }], rows: [{ sql }], text }
  }
  const options = {
    dryRun,
    jobs,
    lockTimeoutMs,
    signal: session.signal,
    progress: (doing: string) => session.progress(doing),
  }
  const result = await (what === "add" ? trail.addIndex(kind, options) : trail.dropIndex(kind, options))
  const verb = what === "add" ? "made" : "dropped"
  const would = what === "add" ? "would make" : "would drop"
  const partitions = new Set(result.changed.map(({ partition }) => partition))
  const head = `${dryRun ? would : verb} the index ${kind} on ${partitions.size} of ${result.partitions} partitions`
  return {
    schema: "pgtrail.indexed_partition/1",
    columns: [{ name: "partition" }, { name: "index" }],
    rows: result.changed.map((one) => ({ ...one })),
    document: { schema: "pgtrail.index_change/1", change: what, ...result },
    text:
      result.changed.length === 0
        ? `nothing to do: ${none}`
        : [head, ...result.changed.map(({ index }) => `  ${index}`)].join("\n"),
  }
}

function readKind(typed: string): IndexKind {
  const kind = indexKinds.find((known) => known === typed)
  if (kind !== undefined) return kind
  const [meant] = near(typed, indexKinds, 1)
  throw new TrailError(
    "usage",
    `there is no index ${JSON.stringify(typed)}: search, details, tags, subject or external`,
    {
      ...(meant === undefined ? {} : { hint: `did you mean ${meant}?` }),
    },
  )
}
