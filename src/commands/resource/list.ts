// pgtrail resource list: what was acted on, those with the most events first.

import { arg, command } from "../../cli/command.js"
import { countOptions, describeCount, readCountOptions } from "../../cli/counted.js"
import { TrailError } from "../../data/errors.js"
import { quoted } from "../../data/words.js"

const { resource: _, ...options } = countOptions

export default command({
  summary: "list resources, those with the most events first",
  description:
    "Counts the events of the last 30 days, or of --since and --until; every filter of query narrows it. A resource is a type and an id in an " +
    "organization; its name stands there where all its events have the same. failed are those with outcome failure, denied or error. Events without the id of a resource are left out.",
  args: { type: arg("of this type alone", "optional") },
  options,
  examples: [
    {
      run: "pgtrail resource list file --org acme",
      shows: "which files of acme were touched most in the last 30 days",
    },
    { run: "pgtrail resource list --action delete --since 7d", shows: "what was deleted this week" },
  ],
  async run({ args, options, session }) {
    const { type } = args
    if (type?.includes("/") || type === "") {
      throw new TrailError("usage", `resource list takes a type without an id, not ${quoted(type)}`, {
        hint: "pgtrail resource show TYPE/ID shows one",
      })
    }
    const asked = readCountOptions({ ...options, resource: type === undefined ? [] : [type] })
    session.progress("counting events")
    const counted = await (await session.trail()).resources({ ...asked, signal: session.signal })
    return {
      schema: "pgtrail.resource_count/1",
      columns: [
        { name: "organization_id", title: "organization" },
        { name: "resource_type", title: "type" },
        { name: "resource_id", title: "id" },
        { name: "resource_name", title: "name" },
        { name: "events", kind: "number" },
        { name: "failed", kind: "number" },
        { name: "first_event" },
        { name: "last_event" },
      ],
      rows: counted.rows.map((row) => ({ ...row })),
      note: describeCount(counted, asked, options, "resource"),
    }
  },
})
