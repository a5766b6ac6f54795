// Where the log names a subject besides its events: by a restriction, and by a hold. Compared here, so that no identifier stands in a statement.
import type { ClientBase } from "pg"
import { visible } from "../words.js"
import type { Identifier } from "./identifiers.js"
import { namesSubject } from "./named.js"

export interface NamedElsewhere {
  /** With the command to run next, where there is one. */
  readonly words: string
  /** False of a hold that was released: its row proves what was held, and nothing can be done about it. */
  readonly open: boolean
}

export async function namedElsewhere(
  client: ClientBase,
  identifiers: readonly Identifier[],
): Promise<NamedElsewhere[]> {
  const known = new Set(identifiers.map(({ value }) => form(value)))
  const ids = new Set(identifiers.filter(({ kind }) => kind === "id").map(({ value }) => form(value)))
  const { rows: restrictions } = await client.query<{ act: string; value: string }>(
    "select r.act_seq as act, r.value from pgtrail.subject_restriction r order by r.act_seq",
  )
  const { rows: holds } = await client.query<
    Record<"act" | "case_id" | "released", string> &
      Record<"actor" | "resource" | "correlation", string | null>
  >(
    `select h.act_seq as act, h.case_id, h.actor_id as actor, h.resource_id as resource, h.correlation_id as correlation, h.released_seq is not null as released from pgtrail.hold h
     where h.actor_id is not null or h.resource_id is not null or h.correlation_id is not null order by h.act_seq`,
  )
  const restricted = new Set(restrictions.filter(({ value }) => known.has(form(value))).map(({ act }) => act))
  const held = holds.filter(
    ({ actor, resource, correlation }) =>
      ids.has(form(actor ?? "")) ||
      ids.has(form(resource ?? "")) ||
      (correlation !== null && namesSubject(identifiers, correlation)),
  )
  return [
    ...[...restricted].map((act) => ({
      words: `the restriction of act ${act} names the subject until it is lifted: pgtrail gdpr unrestrict --act ${act} --reason WHY --requested-by WHO`,
      open: true,
    })),
    ...held.map(({ act, case_id, released }) => ({
      words:
        released === "t"
          ? `the hold of act ${act} (case ${visible(case_id)}, released) names the subject: its row proves what was held, and nothing can take it away`
          : `the hold of act ${act} (case ${visible(case_id)}) names the subject, as long as it is not released, and as proof after that`,
      open: released !== "t",
    })),
  ]
}

const form = (text: string): string => text.normalize("NFC").toLowerCase()
