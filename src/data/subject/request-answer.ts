// What answers a request: an act of pgtrail that names it. Whatever else somebody says was done is told as done elsewhere.
import type { ClientBase } from "pg"
import { TrailError } from "../errors.js"
import type { RequestKind } from "./request.js"

const isRectified = `r.recipients @> '[{"kind": "rectification"}]'`

/** A condition on a request `r`. A pseudonym erases nothing; an objection is met in more than one way. */
export const isAnswered = `case r.kind when 'rectification' then ${isRectified}
  when 'objection' then r.acts <> '{}' or ${isRectified}
  else exists (
    select from pgtrail.act a
    where a.organization_id = 'pgtrail' and a.seq = any (r.acts) and case r.kind
      when 'erasure' then a.kind = 'redact' and a.parameters ->> 'strategy' = 'erase'
      when 'restriction' then a.kind = 'restrict' else a.kind = 'export' end) end`

const nextOf: Readonly<Record<RequestKind, string>> = {
  access: "export ID",
  portability: "export ID",
  erasure: "erase ID",
  rectification: "rectify ORG/LANE/SEQ",
  restriction: "restrict ID",
  objection: "restrict ID",
}

/** A register that says done where nothing was would be believed. Throws `usage`. */
export async function refuseUnanswered(
  client: ClientBase,
  request: string,
  kind: RequestKind,
): Promise<void> {
  const { rows } = await client.query<{ answered: string }>(
    `select ${isAnswered} as answered from pgtrail.subject_request r where r.request_id = $1`,
    [request],
  )
  if (rows[0]?.answered !== "f") return
  throw new TrailError("usage", `the request ${request} is of ${kind}, and nothing in the log answers it`, {
    hint:
      `nothing was closed; what answers it names it: pgtrail gdpr ${nextOf[kind]} --request ${request}. ` +
      "Where it was answered outside of pgtrail, or nothing was to be done, say so: --reason HOW",
  })
}
