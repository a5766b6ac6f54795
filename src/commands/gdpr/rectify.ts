// pgtrail gdpr rectify: records what is right in the place of what an event says, by a new event.
import { readFile } from "node:fs/promises"
import { arg, command, list, required, text } from "../../cli/command.js"
import type { Session } from "../../cli/session.js"
import { storeContext } from "../../cli/store.js"
import { TrailError } from "../../data/errors.js"
import { type Place, readPlace } from "../../data/query/typed.js"
import { readSet, toJson } from "../../data/subject/rectify.js"

export default command({
  summary: "record what is right in the place of what an event says of a person (Article 16)",
  description:
    "What was recorded stays as it is: a new event of the type gdpr.rectified, about the resource event/ORG/LANE/SEQ, has the right values in after_state. So there is " +
    "no act, and no value stands anywhere else. FIELD is a column of the actor or of the content; --set FIELD=@FILE reads the value from a file, @- from standard input, so that it " +
    "does not stand in the list of processes. JSON columns and tags take JSON. With --request the exports, archives and backups that had the event are noted there (Article 19). Needs the role pgtrail_privacy.",
  args: { event: arg("ORG/LANE/SEQ") },
  options: {
    set: list("--set <field=value>", "what is right; repeated"),
    reason: required(text("--reason <text>", "why; stays in the event, so no personal data")),
    requestedBy: required(
      text("--requested-by <who>", "who asked for it: a role or a number, no personal data"),
    ),
    request: text("--request <id>", "the request in the register that it answers"),
  },
  examples: [
    {
      run: 'pgtrail gdpr rectify acme/0/42 --set actor_name=@name.txt --reason "misspelt" --requested-by DPO',
      shows: "an event that says so",
    },
  ],
  async run({ args, options, session }) {
    const place = placeOf(args.event)
    const { reason, requestedBy, request } = options
    const set = new Map<string, string>()
    for (const typed of options.set) {
      const { field, value } = readSet(typed)
      if (set.has(field))
        throw new TrailError("usage", `--set gives ${field} twice`, { hint: "nothing was recorded" })
      const given = value.startsWith("@") ? await contentOf(value.slice(1), session) : value
      set.set(field, toJson(field, given))
    }
    const made = await (await session.trail()).rectifyEvent(place, {
      ...{ set, reason, requestedBy, request },
      store: storeContext(session),
    })
    return {
      schema: "pgtrail.rectification/1",
      columns: [{ name: "event", whole: true }, { name: "rectifies", whole: true }, { name: "fields" }],
      rows: [{ event: made.place, rectifies: made.rectifies, fields: made.fields.join(", ") }],
      document: { schema: "pgtrail.rectification/1", ...made },
      text: `${made.place} rectifies ${made.rectifies}: ${made.fields.join(", ")}`,
      note: `pgtrail show ${made.place}`,
    }
  },
})

/** Whose event it is may be typed in its place: that is not repeated. */
function placeOf(typed: string): Place {
  try {
    return readPlace(typed)
  } catch (error) {
    throw new TrailError("usage", "an event is rectified by its place, which is ORG/LANE/SEQ", {
      hint: "nothing was recorded; it is such as acme/0/42: pgtrail query --fields organization_id,lane,seq tells it",
      cause: error,
    })
  }
}

/** Without the end of its last line. */
async function contentOf(name: string, session: Pick<Session, "io" | "path">): Promise<string> {
  const chunks: Buffer[] = []
  try {
    const input = name === "-" ? session.io.stdin : [await readFile(session.path(name))]
    for await (const chunk of input) chunks.push(Buffer.from(chunk))
  } catch (error) {
    throw new TrailError("file", "the file of a value cannot be read", {
      hint: "nothing was recorded; --set FIELD=@FILE takes a file",
      cause: error,
    })
  }
  return Buffer.concat(chunks)
    .toString("utf8")
    .replace(/\r?\n$/, "")
}
