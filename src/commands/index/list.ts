// pgtrail index list: the further indexes, and which partitions have them.
import { command } from "../../cli/command.js"

export default command({
  summary: "list the further indexes: which partitions have them, and how large they are",
  description:
    "search serves --grep, details serves --where, tags serves --tag and --compliance, subject serves gdpr, external the ids of profiles. Without them " +
    "these read every event of the time and organization that the others leave. A new partition has none of them until pgtrail index add runs again.",
  examples: [
    { run: "pgtrail index list", shows: "what there is" },
    { run: "pgtrail index list --format ndjson --fields kind,missing", shows: "which partitions lack what" },
  ],
  async run({ session }) {
    const kinds = await (await session.trail()).indexes()
    const begun = kinds.filter(
      (one) => one.invalid.length > 0 || (one.bytes !== "0" && one.missing.length > 0),
    )
    return {
      schema: "pgtrail.index/1",
      columns: [
        { name: "kind" },
        { name: "serves" },
        { name: "partitions", kind: "number" },
        { name: "of", kind: "number" },
        { name: "bytes", kind: "number" },
        { name: "invalid", kind: "json", onRequest: session.format === "table" },
        { name: "missing", kind: "json", onRequest: session.format === "table" },
      ],
      rows: kinds.map((one) => ({
        ...one,
        invalid: JSON.stringify(one.invalid),
        missing: JSON.stringify(one.missing),
      })),
      note: () =>
        begun.map(({ kind, ...one }) => `${kind}: ${rest(one)}: pgtrail index add ${kind}`).join("\n") ||
        undefined,
    }
  },
})

function rest({ invalid, missing }: { invalid: readonly string[]; missing: readonly string[] }): string {
  const half =
    invalid.length === 0
      ? ""
      : `${invalid.slice(0, 3).join(", ")} ${invalid.length === 1 ? "is" : "are"} half made`
  const none =
    missing.length === 0 ? "" : `not on ${missing.slice(0, 3).join(", ")}${missing.length > 3 ? " ..." : ""}`
  return [half, none].filter((part) => part !== "").join(", ")
}
