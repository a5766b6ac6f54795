// pgtrail partition analyze: gathers the planner's statistics.
import { arg, command } from "../../cli/command.js"
import { plural } from "../../data/words.js"

export default command({
  summary: "gather the planner's statistics of a partition, or of each that has events",
  description:
    "As ANALYZE does it, which only an owner of the tables may; here the role pgtrail_operator does. Nobody waits. pgtrail partition maintain " +
    "does it for partitions that have no statistics, and autovacuum for those that change.",
  args: { name: arg("the partition: event_2025_01", "optional") },
  examples: [
    { run: "pgtrail partition analyze event_2025_01", shows: "statistics of one, as after an import" },
    { run: "pgtrail partition analyze", shows: "all that have events, one after the other" },
  ],
  async run({ args, session }) {
    const names = await (await session.trail()).analyzePartitions(args.name, {
      signal: session.signal,
      progress: (doing) => session.progress(doing),
    })
    return {
      schema: "pgtrail.analyzed_partition/1",
      columns: [{ name: "name" }],
      rows: names.map((name) => ({ name })),
      text: names.length === 1 ? `analyzed ${names[0]}` : `analyzed ${plural(names.length, "partition")}`,
    }
  },
})
