// pgtrail act list: what pgtrail itself did, newest first.
import { choice, command, type Row, text } from "../../cli/command.js"
import { actKinds } from "../../data/act/about.js"
import { actColumns } from "../../data/act/list.js"
import { describePeriod, readPeriod } from "../../data/query/time.js"
import { readLimit } from "../../data/query/typed.js"

const shown: readonly string[] = actColumns.slice(0, 6)
const kinds: Readonly<Record<string, "number" | "boolean" | "json">> = {
  seq: "number",
  signed: "boolean",
  parameters: "json",
}

export default command({
  summary: "list what pgtrail itself did, newest first",
  description:
    "Acts are migrations, imports, verifications, checkpoints, accepted findings, settings, incarnations, purges, holds and rules of retention: one chain of their own, " +
    "which verify checks first. json, ndjson and csv have every column. Needs the role pgtrail_auditor or pgtrail_operator.",
  options: {
    kind: choice("--kind <kind>", "of this kind", actKinds),
    since: text("--since <time>", "recorded at this time or later"),
    until: text("--until <time>", "recorded before this time"),
    limit: text("--limit <n>", 'at most this many, or "all"', "100"),
  },
  examples: [
    { run: "pgtrail act list", shows: "the newest 100" },
    { run: "pgtrail act list --kind setting --limit all", shows: "every change of a setting, and by whom" },
  ],
  async run({ options, session }) {
    const period = readPeriod(options, new Date())
    const limit = readLimit(options.limit)
    const acts = await (await session.trail()).acts({ kind: options.kind, ...period, limit })
    let printed = 0
    async function* rows(): AsyncGenerator<Row> {
      for await (const act of acts) {
        printed += 1
        yield act
      }
    }
    const found = (): string | undefined =>
      printed === 0 && limit !== 0
        ? "no acts match"
        : acts.more
          ? `more acts match than the ${printed} shown: raise --limit, or narrow the search`
          : undefined
    const time = describePeriod(period)
    const columns = session.fields ?? (session.format === "table" ? shown : actColumns)
    return {
      schema: "pgtrail.act/1",
      columns: actColumns.map((name) => ({
        name,
        kind: kinds[name] ?? ("text" as const),
        onRequest: !columns.includes(name),
      })),
      rows: rows(),
      note: () => [found(), time && `time: ${time}`].filter(Boolean).join("\n") || undefined,
    }
  },
})
