// pgtrail hold list: the legal holds in force, or all that ever were.
import { command, flag, text } from "../../cli/command.js"
import { type Hold, namesOf } from "../../data/hold/hold.js"

const columns = [
  "case_id",
  "names",
  "state",
  "placed_at",
  "placed_by",
  "act",
  "expires_at",
  "organization_id",
  "actor_id",
  "resource_type",
  "resource_id",
  "correlation_id",
  "event_type",
  "since",
  "until",
  "reason",
  "requested_by",
  "released_act",
  "released_at",
  "released_by",
  "release_reason",
] as const
const shown = 7

export default command({
  summary: "list the legal holds in force, or all that ever were",
  description:
    "A hold is in force until it is released, or expires. json, ndjson and csv have every column. Holds may name people: needs the role " +
    "pgtrail_auditor or pgtrail_operator.",
  options: {
    all: flag("--all", "also those that were released or have expired"),
    case: text("--case <id>", "of this case"),
  },
  examples: [
    { run: "pgtrail hold list", shows: "what nothing may remove now, for which case, and who said so" },
    { run: "pgtrail hold list --all --format csv", shows: "every hold that ever was, with its release" },
  ],
  async run({ options, session }) {
    const holds = await (await session.trail()).holds({ case: options.case, all: options.all })
    const wanted: readonly string[] =
      session.fields ?? (session.format === "table" ? columns.slice(0, shown) : columns)
    return {
      schema: "pgtrail.hold/1",
      columns: columns.map((name) => ({
        name,
        ...(name === "case_id" ? { whole: true } : {}),
        ...(name.endsWith("act") ? { kind: "number" as const } : {}),
        onRequest: !wanted.includes(name),
      })),
      rows: holds.map((hold) => ({ ...hold, names: namesOf(hold) }) satisfies Hold & { names: string }),
      note: () =>
        holds.length > 0 ? undefined : options.all ? "there was never a hold" : "no hold is in force",
    }
  },
})
