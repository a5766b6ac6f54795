// Where the log names a subject besides its events: by a restriction, by a hold, and in what people wrote. Compared here, so that no identifier stands in a statement.
import type { ClientBase } from "pg"
import { visible } from "../words.js"
import type { Identifier } from "./identifiers.js"
import { namesSubject } from "./named.js"
import { namedInActs } from "./named-acts.js"

/** In words, with the command to run next. `before` an erasure without the holds whose names it takes away. */
export async function namedElsewhere(
  client: ClientBase,
  identifiers: readonly Identifier[],
  before = false,
): Promise<string[]> {
  // A restriction names whom it was given, and an id in another case is another's; what a hold names is typed by hand.
  const known = new Set(identifiers.map(restrictedForm))
  const ids = new Set(identifiers.filter(({ kind }) => kind === "id").map(({ value }) => form(value)))
  const { rows: restrictions } = await client.query<Identifier & { act: string }>(
    "select r.act_seq as act, r.kind, r.value from pgtrail.subject_restriction r order by r.act_seq",
  )
  const { rows: holds } = await client.query<
    Record<"act" | "case_id" | "over", string> & Record<"actor" | "resource" | "correlation", string | null>
  >(
    `select h.act_seq as act, h.case_id, h.actor_id as actor, h.resource_id as resource, h.correlation_id as correlation, (h.released_seq is not null or h.expires_at <= now()) as over from pgtrail.hold h
     where h.actor_id is not null or h.resource_id is not null or h.correlation_id is not null order by h.act_seq`,
  )
  const restricted = new Set(
    restrictions.filter((one) => known.has(restrictedForm(one))).map(({ act }) => act),
  )
  const held = holds.filter(
    ({ actor, resource, correlation, over }) =>
      !(before && over === "t") &&
      (ids.has(form(actor ?? "")) ||
        ids.has(form(resource ?? "")) ||
        (correlation !== null && namesSubject(identifiers, correlation))),
  )
  return [
    ...[...restricted].map(
      (act) =>
        `the restriction of act ${act} names the subject until it is lifted: pgtrail gdpr unrestrict --act ${act} --reason WHY --requested-by WHO`,
    ),
    ...held.map(({ act, case_id, over }) =>
      over === "t"
        ? `the hold of act ${act} (case ${visible(case_id)}) is over and names the subject: an erasure takes its names away`
        : `the hold of act ${act} (case ${visible(case_id)}) names the subject as long as it is in force: release it, and erase again`,
    ),
    ...(await namedInActs(client, identifiers)),
  ]
}

/** Of holds that an act cleared of the subject's names, those whose digest somebody who knows a name can still compare with it; in words. */
export async function unsaltedHolds(client: ClientBase, act: string | null): Promise<string[]> {
  const { rows } = await client.query<{ act: string; case_id: string }>(
    `select h.act_seq as act, h.case_id from pgtrail.hold h
     join pgtrail.act p on p.organization_id = 'pgtrail' and p.seq = h.act_seq
     where h.cleared_seq = $1 and p.parameters -> 'salted' is distinct from 'true' order by h.act_seq`,
    [act],
  )
  return rows.map(
    ({ act: placed, case_id }) =>
      `the hold of act ${placed} (case ${visible(case_id)}) was placed by an earlier pgtrail: its names are gone, and the digest of its act has no salt, so whoever guesses all that it held can tell`,
  )
}

const form = (text: string): string => text.normalize("NFC").toLowerCase()

const restrictedForm = ({ kind, value }: Identifier): string =>
  kind === "email" || kind === "ip" ? form(value).replace(/\/(32|128)$/, "") : value.normalize("NFC")
