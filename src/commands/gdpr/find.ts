// pgtrail gdpr find: what a request about a person would touch.
import { arg, command, flag } from "../../cli/command.js"
import { findOptions, subjectOptions } from "../../cli/subject.js"
import { idSummary, readSubject, subjectInput } from "../../cli/subject-input.js"
import { describeFoundSubject, limitWords } from "../../data/subject/describe-found.js"
import type { FoundSubject } from "../../data/subject/find.js"

export default command({
  summary: "find what the log has of a person, in archives too, and what could not be erased",
  description:
    "Events that the person did, events about him (resources by gdpr rule, or --also resource=TYPE/ID), and with --text events that only name him: by " +
    "organization, month and type, by field, and what a hold or a law keeps. An identifier that stands in a column which the chain needs as it is (an " +
    "organization, an event type, an id) cannot be erased, and is told; so are archives that could not be read, those whose place lets go of no file or of no bytes " +
    "(a folder that is read-only or immutable, object lock or versions of a bucket), and files that no act tells of. No identifier and no value of an event is printed, and nothing is recorded; " +
    "but where a given e-mail address is that of other actors too, their ids are: export, erase, pseudonymize and restrict refuse it until --also id= says that they are the same person.\n\n" +
    "ID and --also are compared in both forms of Unicode; e-mail addresses and text regardless of case. What has fewer than three characters is " +
    "looked for within the text of the person's own events alone. An ID that looks like an e-mail address is looked for as one too, and told; without pgtrail " +
    "index add subject that reads the events. With --privacy-key the person is found under pseudonyms too. Found or not, the " +
    "exit code is 0.\n\n" +
    `${subjectInput} Needs the role pgtrail_privacy, and the right to make temporary tables.`,
  args: { id: arg(idSummary) },
  options: {
    ...subjectOptions,
    text: flag("--text", "look for the identifiers in all text of all events too, which reads every event"),
    archives: flag("--no-archives", "leave the archives out"),
  },
  examples: [
    {
      run: "pgtrail gdpr find u-4711 --also email=a@example.com",
      shows: "how many events of which organizations, and which fields of them",
    },
    { run: "pgtrail gdpr find - < R-12.txt", shows: "the same of whom a file names: ID, then KIND=VALUE" },
    { run: "pgtrail gdpr find u-4711 --text --json", shows: "all of it, for a program" },
  ],
  async run({ args, options, session }) {
    const { identifiers } = await readSubject({ ...args, ...options }, session)
    const found = await (await session.trail()).findSubject(identifiers, await findOptions(options, session))
    return foundReport(found, session.format)
  },
})

/** Rows alone say nothing of what was not searched. */
export const foundReport = (found: FoundSubject, format: string) => ({
  schema: "pgtrail.found_subject/1",
  columns: foundColumns,
  rows: [
    ...found.found.events.map((row) => ({ archive: null, ...row })),
    ...found.archives.flatMap(({ archive, found: inside }) =>
      inside.events.map((row) => ({ archive, ...row })),
    ),
  ],
  document: { schema: "pgtrail.found_subject/1", ...found },
  text: describeFoundSubject(found),
  note: () => (format === "csv" || format === "ndjson" ? limitWords(found) : undefined),
})

const number = <Name extends string>(name: Name) => ({ name, kind: "number" }) as const

const foundColumns = [
  { name: "archive" },
  { name: "organization_id" },
  { name: "month" },
  { name: "event_type" },
  ...(["events", "as_actor", "as_subject", "mentioned", "replaced", "held", "kept", "unsound"] as const).map(
    number,
  ),
]
