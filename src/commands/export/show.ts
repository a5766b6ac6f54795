// pgtrail export show: what the manifest of an export says, in words. Checks nothing, and needs no database.
import { arg, command } from "../../cli/command.js"
import { describeManifest } from "../../data/export/describe.js"
import { readManifest } from "../../data/export/read-manifest.js"

export default command({
  summary: "show what an export says of itself, without a database",
  description:
    "What is in it, of which log, who made it and when, and how it can be checked. That it is true only pgtrail export verify tells.",
  args: { folder: arg("the folder of an export, or the manifest beside the answer of a query") },
  examples: [{ run: "pgtrail export show acme-2026-q3", shows: "what somebody was given" }],
  async run({ args, session }) {
    const { manifest, sha256, note } = await readManifest(session.path(args.folder))
    return {
      schema: manifest.schema,
      columns: [
        { name: "name" },
        { name: "rows", kind: "number" },
        { name: "bytes", kind: "number" },
        { name: "sha256" },
      ],
      rows: manifest.files.map((file) => ({ ...file })),
      document: { ...manifest, manifest_sha256: sha256, is_signed: note !== undefined },
      text: () =>
        `${describeManifest(manifest)}\nmanifest       ${sha256}, ${note === undefined ? "not signed" : "signed"}`,
      note: `nothing was checked: pgtrail export verify ${args.folder}`,
    }
  },
})
