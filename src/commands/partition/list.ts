// pgtrail partition list: every partition with its range, size and guards.
import { command, flag } from "../../cli/command.js"
import type { PartitionRow } from "../../data/partition/list.js"
import { size } from "../../data/status/facts.js"
import { shortTime } from "../../data/words.js"

export default command({
  summary: "list the partitions: range, rows, sizes, oldest and newest event, guards",
  description:
    "Oldest first, DEFAULT last. rows is PostgreSQL's estimate, empty where a partition was never analyzed; --exact counts. oldest and newest " +
    "are looked up in the index, partition by partition: empty where there is no event, or this role may not read them. guards is ok, or what " +
    "keeps events from being changed and is not there; pgtrail verify tells more. The table has days and rounded sizes, and guards where they are not " +
    "ok; json, ndjson, csv and --fields have every column in full. A detached partition is in no query, and still a part of the chains.",
  options: {
    exact: flag("--exact", "count the rows, partition by partition; reads all of them"),
  },
  examples: [
    { run: "pgtrail partition list", shows: "all partitions" },
    {
      run: "pgtrail partition list --exact --format csv --fields name,rows,bytes",
      shows: "exact numbers, for a spreadsheet",
    },
  ],
  async run({ options, session }) {
    const trail = await session.trail()
    const partitions = await trail.partitions({ exact: options.exact, signal: session.signal })
    const odd = partitions.filter(({ guards }) => guards !== "ok").map(({ name }) => name)
    // A line must fit a terminal of 100 columns.
    const isShort = session.format === "table" && session.fields === undefined
    return {
      schema: "pgtrail.partition/1",
      columns: [
        { name: "name", whole: true },
        { name: "since" },
        { name: "until" },
        { name: "state" },
        { name: "rows", kind: "number" },
        { name: "bytes", kind: "number" },
        { name: "index_bytes", kind: "number", onRequest: isShort },
        { name: "oldest" },
        { name: "newest" },
        { name: "guards", onRequest: isShort && odd.length === 0 },
        { name: "tablespace", onRequest: isShort },
        { name: "analyzed_at", onRequest: session.format === "table" },
        { name: "exact", kind: "boolean", onRequest: session.format === "table" },
      ],
      rows: partitions.map((partition) => (isShort ? short(partition) : { ...partition })),
      note: () =>
        odd.length === 0
          ? undefined
          : `guards are not as they must be: ${odd.slice(0, 5).join(", ")}${odd.length > 5 ? " ..." : ""}: pgtrail verify`,
    }
  },
})

/** The beginnings of partitions are days; of events the day tells enough. */
const short = (row: PartitionRow) => ({
  ...row,
  since: shortTime(row.since),
  until: shortTime(row.until),
  oldest: dayOf(row.oldest),
  newest: dayOf(row.newest),
  bytes: size(row.bytes),
})

/** As it is where it has no day: infinity, a year before 1. */
const dayOf = (time: string | null): string | null =>
  /^\d{4}-\d\d-\d\d(?=T.*Z$)/.exec(time ?? "")?.[0] ?? time
