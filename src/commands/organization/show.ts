// pgtrail organization show: one organization, its lanes, what it did lately, and what was purged.
import { arg, command } from "../../cli/command.js"
import { describeOrganization } from "../../data/organization/describe.js"

export default command({
  summary: "show one organization: lanes and heads, recent event types, bound readers, purges",
  description:
    "The event types and actors are those of the newest 100,000 events of the last 30 days. What the role may not read is left out.",
  args: { organization: arg("its name") },
  examples: [{ run: "pgtrail organization show acme", shows: "what the log has of acme" }],
  async run({ args, session }) {
    const shown = await (await session.trail()).organization(args.organization)
    return {
      schema: "pgtrail.organization_show/1",
      columns: [{ name: "lane", kind: "number" }, { name: "seq", kind: "number" }, { name: "hash" }],
      rows: shown.heads.map((head) => ({ ...head })),
      document: { schema: "pgtrail.organization_show/1", ...shown },
      text: describeOrganization(shown),
    }
  },
})
