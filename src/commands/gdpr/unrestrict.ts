// pgtrail gdpr unrestrict: lifts restrictions, by an act each.
import { arg, command, list, required, text } from "../../cli/command.js"
import { idSummary, readSubject, subjectInput } from "../../cli/subject-input.js"
import { TrailError } from "../../data/errors.js"

export default command({
  summary: "lift the restriction of a person's events, by an act",
  description:
    "That of --act (pgtrail gdpr restriction list tells which there are), or every one that names one of the identifiers. Whom it was about goes out of the log with it. The person must be told before (Article 18(3)). " +
    `${subjectInput} Needs the role pgtrail_privacy.`,
  args: { id: arg(idSummary, "optional") },
  options: {
    act: text("--act <seq>", "the act that placed the restriction"),
    also: list(
      "--also <kind=value>",
      "another identifier: id, email, name, ip, device, session or resource=TYPE/ID",
    ),
    org: text("--org <name>", "only restrictions of this organization"),
    reason: required(text("--reason <text>", "why; stays in the act, so no personal data")),
    requestedBy: required(
      text("--requested-by <who>", "who asked for it: a role or a number, no personal data"),
    ),
    request: text("--request <id>", "the request in the register that it answers"),
  },
  examples: [
    { run: 'pgtrail gdpr unrestrict --act 31 --reason "verified" --requested-by DPO', shows: "lifts it" },
  ],
  async run({ args, options, session }) {
    const { reason, requestedBy, org, request } = options
    if ((args.id === undefined) === (options.act === undefined)) {
      throw new TrailError("usage", "give the person's id, or --act", { hint: "nothing was lifted" })
    }
    const which =
      options.act === undefined
        ? await readSubject({ id: args.id ?? "", also: options.also }, session)
        : { act: options.act }
    const lifted = await (await session.trail()).unrestrictSubject(which, {
      reason,
      requestedBy,
      organization: org,
      request,
    })
    const rows = lifted.restrictions.map((restriction, at) => ({ restriction, act: lifted.acts[at] ?? null }))
    return {
      schema: "pgtrail.unrestriction/1",
      columns: [
        { name: "restriction", kind: "number" },
        { name: "act", kind: "number" },
      ],
      rows,
      text: rows
        .map(({ restriction, act }) => `the restriction of act ${restriction} is lifted, act ${act}`)
        .join("\n"),
    }
  },
})
