// pgtrail organization list: the organizations of the log.
import { command, text } from "../../cli/command.js"
import { readLimit } from "../../data/query/typed.js"

export default command({
  summary: "list the organizations of the log, those with the most events first",
  description:
    "Events are those that were appended, exactly, from the heads of the chains; those that were purged since are counted too, and " +
    "in purged again. What the role may not read is empty; a reader who is bound to organizations sees these alone.",
  options: { limit: text("--limit <n>", 'at most this many, or "all"', "100") },
  examples: [
    { run: "pgtrail organization list", shows: "lanes, events, first and newest event, bound readers" },
    { run: "pgtrail organization list --limit all --format csv", shows: "all of them" },
  ],
  async run({ options, session }) {
    const limit = readLimit(options.limit)
    const found = await (await session.trail()).organizations({ limit })
    const { organizations, more } = found
    return {
      schema: "pgtrail.organization/1",
      columns: [
        { name: "organization_id", title: "organization" },
        { name: "lanes", kind: "number" },
        { name: "events", kind: "number" },
        { name: "purged", kind: "number" },
        { name: "first_event" },
        { name: "newest_event" },
        { name: "readers" },
      ],
      rows: organizations.map((organization) => ({
        ...organization,
        readers: organization.readers?.join(", ") ?? null,
      })),
      note: () => {
        if (organizations.length === 0 && more === 0) return "no organization has events yet"
        return more === 0 ? undefined : `${more} more: --limit all`
      },
    }
  },
})
