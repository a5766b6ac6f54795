// Requests of the register in words, for people.
import { visible } from "../words.js"
import type { SubjectRequest } from "./request.js"

/** Of a list: what is to be known at a glance. */
export function stateWords({
  state,
  due_at,
  outcome,
  closed_at: closed,
  elsewhere,
  late,
  extended_late: extendedLate,
}: Pick<
  SubjectRequest,
  "state" | "due_at" | "outcome" | "elsewhere" | "closed_at" | "late" | "extended_late"
>): string {
  const due = due_at.slice(0, 10)
  if (state === "closed") {
    const what = elsewhere ? `${outcome} elsewhere` : outcome
    if (!late) return `${what}, ${closed}`
    return `${what} late, ${closed}: ${extendedLate ? "it was extended after it was due" : `it was due ${due}`}`
  }
  if (!late) return `open, due ${due}`
  return extendedLate ? `late: it was extended after it was due, until ${due}` : `late: it was due ${due}`
}

export function describeRequest(request: SubjectRequest): string {
  const {
    kind,
    received_at,
    due_at,
    extended_at,
    extension_reason,
    elsewhere,
    closing_reason,
    closed_by,
    receipt,
    acts,
    recipients,
    note,
  } = request
  // What is right is an event, and no act: it is the answer.
  const answers = recipients.filter((one) => one.kind === "rectification")
  const others = recipients.filter((one) => one.kind !== "rectification")
  return [
    `request ${request.request}: ${kind}, ${stateWords(request)}`,
    `received ${received_at}, due ${due_at.slice(0, 10)}, entered by ${visible(request.entered_by)}`,
    ...(extended_at === null ? [] : [`extended ${extended_at}: ${visible(extension_reason ?? "")}`]),
    ...(closed_by === null ? [] : [`closed by ${visible(closed_by)}`]),
    ...(elsewhere
      ? [`answered by no act of pgtrail: ${visible(closing_reason ?? "nobody said how it was")}`]
      : closing_reason === null
        ? []
        : [`reason: ${visible(closing_reason)}`]),
    ...(receipt === null ? [] : [`receipt sha256 ${receipt}`]),
    ...(acts.length === 0 ? [] : [`answered by ${acts.length === 1 ? "act" : "acts"} ${acts.join(", ")}`]),
    ...(answers.length === 0 ? [] : [`answered by ${answers.map(({ name }) => visible(name)).join(", ")}`]),
    ...(others.length === 0 ? [] : ["to be told, or to be seen to (Article 19):"]),
    ...others.map((one) => `  ${recipientWords(one)}`),
    ...(note === null ? [] : [`note: ${visible(note)}`]),
  ].join("\n")
}

function recipientWords({ kind, name, ...more }: SubjectRequest["recipients"][number]): string {
  const rest = Object.entries(more).flatMap(([what, value]) =>
    value === null || typeof value === "object" ? [] : [`${what} ${visible(String(value))}`],
  )
  return [`${visible(kind)} ${visible(name)}`, ...rest].join(", ")
}
