// What the commands of the register answer with: one request.
import type { SubjectRequest } from "../data/subject/request.js"
import { describeRequest } from "../data/subject/request-words.js"
import type { Report } from "./report.js"

export function requestReport(request: SubjectRequest, note?: string): Report {
  const { request: name, kind, state, received_at, due_at } = request
  return {
    schema: "pgtrail.request/1",
    columns: [
      { name: "request" },
      { name: "kind" },
      { name: "state" },
      { name: "received_at" },
      { name: "due_at" },
    ],
    rows: [{ request: name, kind, state, received_at, due_at }],
    document: { schema: "pgtrail.request/1", ...request },
    text: describeRequest(request),
    ...(note === undefined ? {} : { note }),
  }
}
