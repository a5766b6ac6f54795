// pgtrail gdpr request list: the register of people's requests, those due first first.
import { command, flag } from "../../../cli/command.js"
import { stateWords } from "../../../data/subject/request-words.js"

const columns = [
  "request",
  "kind",
  "state",
  "says",
  "received_at",
  "due_at",
  "late",
  "extended_at",
  "extended_late",
  "closed_at",
  "outcome",
  "elsewhere",
  "closed_by",
  "receipt",
] as const
const shown: readonly string[] = ["request", "kind", "says", "received_at"]

export default command({
  summary: "list the requests that are open, due first first",
  description:
    "Ends with 1 where one is late. json, ndjson and csv have every column. Needs the role pgtrail_privacy, pgtrail_operator or pgtrail_auditor.",
  options: { all: flag("--all", "also those that are closed") },
  examples: [{ run: "pgtrail gdpr request list", shows: "what must be answered, and until when" }],
  async run({ options, session }) {
    const requests = await (await session.trail()).subjectRequests({ all: options.all })
    const wanted: readonly string[] = session.fields ?? (session.format === "table" ? shown : columns)
    return {
      schema: "pgtrail.request_list/1",
      columns: columns.map((name) => ({
        name,
        ...(name === "request" ? { whole: true } : {}),
        onRequest: !wanted.includes(name),
      })),
      rows: requests.map(({ acts: _, recipients: __, note: ___, closing_reason: ____, ...request }) => ({
        ...request,
        says: stateWords(request),
      })),
      note: () =>
        requests.length > 0 ? undefined : options.all ? "there was never a request" : "no request is open",
      exit: requests.some(({ state }) => state === "late") ? 1 : 0,
    }
  },
})
