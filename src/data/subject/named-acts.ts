// Where acts and requests name a subject in what people wrote there: that is kept for ever, and an erasure can only tell of it.
import type { ClientBase } from "pg"
import { visible } from "../words.js"
import type { Identifier } from "./identifiers.js"
import { namesSubject } from "./named.js"

/** What people type, of all that parameters have. */
const typed = ["reason", "requested_by", "request", "case", "note", "by", "label"] as const

/** More would hide what stands below. */
const most = 20

interface Text {
  readonly where: string
  readonly field: string
  readonly text: string
}

/** In words. Compared here, so that no identifier stands in a statement. */
export async function namedInActs(client: ClientBase, identifiers: readonly Identifier[]): Promise<string[]> {
  const { rows: acts } = await client.query<Text>(
    `select a.seq as where, k.field, a.parameters ->> k.field as text from pgtrail.act a, unnest($1::text[]) with ordinality k (field, n)
     where a.organization_id = 'pgtrail' and jsonb_typeof(a.parameters -> k.field) = 'string' order by a.seq, k.n`,
    [typed],
  )
  const { rows: requests } = await client.query<Text>(
    `select r.request_id as where, t.field, t.text from pgtrail.subject_request r,
       lateral (values ('note', r.note), ('extension reason', r.extension_reason), ('closed by', r.closed_by)) t (field, text)
     where t.text is not null order by r.request_id collate "C", t.field`,
  )
  return [
    ...told(acts, identifiers, (act) => `act ${act}`),
    ...told(requests, identifiers, (request) => `request ${visible(request)}`),
  ]
}

function told(
  texts: readonly Text[],
  identifiers: readonly Identifier[],
  name: (where: string) => string,
): string[] {
  const fields = new Map<string, string[]>()
  for (const { where, field, text } of texts) {
    if (!namesSubject(identifiers, text, true)) continue
    fields.set(where, [...(fields.get(where) ?? []), field.replace("_", " ")])
  }
  const all = [...fields]
  const left = all.slice(most).map(([where]) => name(where))
  return [
    ...all
      .slice(0, most)
      .map(([where, of]) => `${name(where)} names the subject (${of.join(", ")}), and stays as it is`),
    ...(left.length === 0 ? [] : [`so do ${left.join(", ")}`]),
  ]
}
