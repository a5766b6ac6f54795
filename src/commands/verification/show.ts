// pgtrail verification show: one verification, and what its findings are about.
import { identity, readIdentity } from "../../cli/archive.js"
import { arg, command, RawJson, type Report, type Session, text } from "../../cli/command.js"
import { resolveConnection } from "../../cli/connect.js"
import { TrailError } from "../../data/errors.js"
import type { Against, ShownVerification } from "../../data/index.js"
import { describeVerification } from "../../data/verification/describe.js"

export default command({
  summary: "show a verification, and explain what it found from the log as it is now",
  description:
    "Tells of each finding whether it is still so, which column of an altered event was changed, and what it was, where that can be found: " +
    "by trial in the log alone, or with --against in another place, whose event counts as the original only when it hashes to what the " +
    "log vouches for. --against takes the URL of a database, or a file, plain or compressed: COPY text of `select * from " +
    "pgtrail.event`, a plain pg_dump, or NDJSON of pgtrail query with all columns; or the folder of a backup (an encrypted one takes --identity; of a place of backups it is the newest good one). It is only read, and streams.\n\n" +
    "Tells what an incident report needs: first and last affected, what is still proven, the last verification that was intact, and " +
    "which transactions wrote the rows. The answer has the values that differ; nothing else of an event. Needs the role pgtrail_auditor.",
  args: { act: arg("seq of the act; the newest verification where none is named", "optional") },
  options: {
    finding: text("--finding <id>", "only this finding: its 16 digits, or the first 6 at least"),
    against: text("--against <url|path>", "another place that may still have the originals"),
    identity,
  },
  examples: [
    { run: "pgtrail verification show", shows: "the newest, and what it found" },
    {
      run: "pgtrail verification show 12 --finding 3fa9c1 --against backup.sql.gz",
      shows: "what one event was, from a backup",
    },
  ],
  async run({ args, options, session }) {
    if (args.act !== undefined && !/^\d{1,18}$/.test(args.act)) {
      throw new TrailError("usage", `${JSON.stringify(args.act)} is no number of an act`, {
        hint: "pgtrail verification list",
      })
    }
    const against =
      options.against === undefined
        ? undefined
        : readAgainst(options.against, session, await readIdentity(options.identity, session))
    const trail = await session.trail()
    session.progress("looking at what was found")
    const { signal } = session
    return report(await trail.verification({ act: args.act, finding: options.finding, against, signal }))
  },
})

function readAgainst(typed: string, session: Session, identities: readonly string[] | undefined): Against {
  if (!/^(postgres|postgresql)(\+[\w.-]+)?:\/\//i.test(typed)) {
    return { name: typed, file: session.path(typed), identities }
  }
  const connection = resolveConnection(typed, { env: session.io.env, warn: session.warn })
  if ("target" in connection) return { name: connection.shown, database: connection.target }
  throw new TrailError("usage", "--against takes a URL of PostgreSQL, a file, or the folder of a backup")
}

function report(shown: ShownVerification): Report {
  const { act, findings } = shown
  const raw = (json: string | null) => (json === null ? null : new RawJson(json))
  const names = ["id", "kind", "organization_id", "lane", "seq", "event_id", "group", "message"]
  const more = ["accepted", "reason", "still", "found_by", "explanation"]
  return {
    schema: shown.schema,
    columns: [...names, ...more].map((name) => ({
      name,
      kind: ["lane", "seq", "accepted"].includes(name) ? "number" : "text",
    })),
    rows: findings.map(({ explanation, accepted, ...finding }) => ({
      ...finding,
      accepted: accepted?.act ?? null,
      reason: accepted?.reason ?? null,
      still: explanation.still,
      found_by: explanation.found_by,
      explanation: explanation.says.join("; "),
    })),
    document: { ...shown, act: { ...act, requested: raw(act.requested), covered: raw(act.covered) } },
    text: describeVerification(shown),
  }
}
