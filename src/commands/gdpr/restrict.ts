// pgtrail gdpr restrict: hides a subject's events from all but pgtrail_privacy, by an act.
import { arg, command, list, required, text } from "../../cli/command.js"
import { storeContext } from "../../cli/store.js"
import { idSummary, readSubject, subjectInput } from "../../cli/subject-input.js"
import { TrailError } from "../../data/errors.js"
import { elsewhereWords } from "../../data/subject/describe-found.js"
import { grouped, quoted } from "../../data/words.js"

export default command({
  summary: "restrict what is done with a person's events (Article 18), by an act",
  description:
    "From now on only members of pgtrail_privacy, the owner of the log and superusers are shown what the person did and what was done to him: query, " +
    "show, tail, stats, actor, resource, trace, security, field and export leave it out for everybody else, and so does the view of a reader of some organizations. verify, " +
    "archives, backups and retention go on: what retention must not remove meanwhile, a hold keeps (pgtrail hold add). Events are found by the columns of the " +
    "actor, and by resources and paths that rules name (pgtrail gdpr rule list); a role that may read the table by SQL of its own is not kept from it, which is why " +
    "applications and analysts are bound to organizations (pgtrail grant reader ROLE --org NAME).\n\n" +
    "The act names nobody; whom it is about stands in the log until the restriction is lifted. " +
    `${subjectInput} Needs the role pgtrail_privacy.`,
  args: { id: arg(idSummary) },
  options: {
    also: list(
      "--also <kind=value>",
      "another identifier: id, email, name, ip, device, session or resource=TYPE/ID",
    ),
    org: text("--org <name>", "only in this organization"),
    reason: required(text("--reason <text>", "why; stays in the act, so no personal data")),
    requestedBy: required(
      text("--requested-by <who>", "who asked for it: a role or a number, no personal data"),
    ),
    request: text("--request <id>", "the request in the register that it answers"),
  },
  examples: [
    {
      run: 'pgtrail gdpr restrict u-4711 --also email=eve@example.com --reason "accuracy contested" --requested-by DPO',
      shows: "hides what u-4711 did from everybody else",
    },
  ],
  async run({ args, options, session }) {
    const { reason, requestedBy, org, request } = options
    const { identifiers } = await readSubject({ ...args, ...options }, session)
    const trail = await session.trail()
    const { act, events } = await trail.restrictSubject(identifiers, {
      reason,
      requestedBy,
      organization: org,
      request,
      store: storeContext(session),
    })
    if (events === "0") {
      const options = { organizations: org === undefined ? undefined : [org], store: storeContext(session) }
      // The restriction stands; a slip in the organization is told as such.
      const found = await trail.findSubject(identifiers, options).catch(wordsOf)
      const where = typeof found === "string" ? found : elsewhereWords(found)
      session.warn(
        `it hides no event that was not hidden before: ${where ?? "see that the identifiers are right"}`,
      )
    }
    return {
      schema: "pgtrail.restriction/1",
      columns: [
        { name: "act", kind: "number" },
        { name: "events", kind: "number" },
      ],
      rows: act === null ? [] : [{ act, events }],
      document: { schema: "pgtrail.restriction/1", act, events },
      text:
        act === null
          ? `nothing was changed: the same restriction is in force already${request === undefined ? "" : `, which request ${quoted(request)} now notes`}`
          : `restricted, act ${act}: only pgtrail_privacy is shown ${eventsWords(events)}`,
      ...(act === null
        ? {}
        : {
            note: `it is lifted by: pgtrail gdpr unrestrict --act ${act}; retention goes on: pgtrail hold add keeps what must stay`,
          }),
    }
  },
})

const eventsWords = (events: string | null): string =>
  events === null ? "these events, which could not be counted" : `these events, ${grouped(events)} now`

function wordsOf(error: unknown): string {
  if (error instanceof TrailError && error.code !== "cancelled") return error.message
  throw error
}
