// Names, devices and sessions of a request that events have in another case: they are compared as they are written, and "nothing is there" would be taken for an answer.
import { once } from "node:events"
import type { Client } from "pg"
import { from as copyFrom } from "pg-copy-streams"
import { plural } from "../words.js"
import type { Identifier } from "./identifiers.js"
import { escaped, type SubjectScope } from "./stage.js"

const columns = { name: "actor_name", device: "device_id", session: "session_id" } as const
type Kind = keyof typeof columns
const kinds = Object.keys(columns) as readonly Kind[]

export const mayBeMiscased = (identifiers: readonly Identifier[]): boolean =>
  identifiers.some(({ kind }) => isKind(kind))

/**
 * In words, and no value is in them. In a transaction that has the stage of a request. As people and programs write them: in lower case, in
 * capitals, each word with a capital; an index leads to these, and to any mixture of cases none does.
 */
export async function miscased(
  client: Client,
  identifiers: readonly Identifier[],
  { organizations, since, until }: SubjectScope,
): Promise<string[]> {
  const other = kinds.flatMap((kind) => {
    const values = identifiers.filter((one) => one.kind === kind).map(({ value }) => value)
    const given = new Set(values.flatMap(formsOf))
    const cases = new Set(values.flatMap(casesOf).filter((one) => !given.has(one)))
    return [...cases].map((one) => `${kind}\t${escaped(one)}\n`)
  })
  if (other.length === 0) return []
  const copy = client.query(copyFrom("copy pg_temp.pgtrail_listed (group_name, replacement) from stdin"))
  copy.end(other.join(""))
  await once(copy, "finish")
  const words: string[] = []
  for (const kind of kinds) {
    const { rows } = await client.query<{ events: string }>(
      `select count(*) as events
       from (select distinct h.organization_id from pgtrail.chain_head h where h.seq = 0 and ($1::text[] is null or h.organization_id = any ($1))) o
       join pgtrail.event e on e.organization_id = o.organization_id
       where ($2::timestamptz is null or e.occurred_at >= $2) and ($3::timestamptz is null or e.occurred_at < $3)
         and e.${columns[kind]} = any (${typed(kind)}) and ${byIndex(kind)}
         -- Where anything else says who it was, that counts.
         and e.actor_id is null and e.actor_email is null`,
      [organizations ?? null, since ?? null, until ?? null],
    )
    const { events = "0" } = rows[0] ?? {}
    if (events === "0") continue
    words.push(
      `${plural(events, "event")} ${events === "1" ? "has" : "have"} the ${kind} in another case: names, devices and sessions are compared as they are written: --also ${kind}=`,
    )
  }
  return words
}

const typed = (kind: Kind): string =>
  `array(select t.replacement from pg_temp.pgtrail_listed t where t.group_name = '${kind}')`

/** As find_subject asks for them. */
const byIndex = (kind: Kind): string =>
  kind === "session"
    ? `left(e.session_id, 300) = any (array(select left(k, 300) from unnest(${typed(kind)}) k))`
    : `(e.actor_email is not null or e.actor_name is not null or e.ip_address is not null or e.device_id is not null)
       and array[lower(left(e.actor_email, 300)), left(e.actor_name, 300), host(e.ip_address), left(e.device_id, 300)]
         && array(select left(k, 300) from unnest(${typed(kind)}) k)`

const isKind = (kind: string): kind is Kind => kind in columns

const formsOf = (value: string): string[] => [value, value.normalize("NFC"), value.normalize("NFD")]

function casesOf(value: string): string[] {
  const lower = value.normalize("NFC").toLowerCase()
  return [
    lower,
    lower.toUpperCase(),
    lower.replace(/(?<=^|\s)\p{L}/gu, (letter) => letter.toUpperCase()),
    lower.replace(/(?<!\p{L})\p{L}/gu, (letter) => letter.toUpperCase()),
  ].flatMap(formsOf)
}
