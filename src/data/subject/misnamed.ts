// Slips in a request: an organization that the log does not have, and an identifier as no event has it. "Nothing is there" would be taken for an answer.
import { once } from "node:events"
import type { Client } from "pg"
import { from as copyFrom } from "pg-copy-streams"
import { TrailError } from "../errors.js"
import { organizationKnown } from "../organization-known.js"
import { plural, quoted } from "../words.js"
import { type Identifier, isPseudonym } from "./identifiers.js"
import { mayBeMiscased, miscased } from "./miscased.js"
import { escaped, type SubjectScope } from "./stage.js"

/** Throws `not-found`. `nothing`: what was not done. */
export async function refuseUnknownOrganization(
  client: Client,
  { organizations = [] }: SubjectScope,
  nothing: string,
): Promise<void> {
  for (const name of organizations) {
    const { organization_known: isKnown, near } = await organizationKnown(client, name)
    if (isKnown !== false) continue
    throw new TrailError("not-found", `the log has no event of the organization ${quoted(name)}`, {
      hint: `${nothing}; ${near === null ? "pgtrail gdpr find without --org tells of all" : `did you mean ${quoted(near)}?`}`,
    })
  }
}

/**
 * In words, of IDs that are written otherwise where events have them; no value is in them. An ID that looks like an e-mail address is looked
 * for as one: by the index `subject`, and where a partition has none by reading it. With `isNobody`, that no event has the ID, it is looked
 * for in other cases, by the index of actors; so are names, devices and sessions. Not within a transaction.
 */
export async function misnamed(
  client: Client,
  identifiers: readonly Identifier[],
  scope: SubjectScope,
  isNobody: boolean,
): Promise<string[]> {
  const slips = slipsOf(identifiers, isNobody)
  const isCased = mayBeMiscased(identifiers)
  if (slips.addresses.length === 0 && slips.ids.length === 0 && !isCased) return []
  await client.query("begin isolation level read committed")
  try {
    const words = await slipsIn(client, slips, scope)
    return isCased ? [...words, ...(await miscased(client, identifiers, scope))] : words
  } finally {
    await client.query("rollback").catch(() => undefined)
  }
}

export interface Slips {
  /** IDs that look like an e-mail address, and were not given as one. */
  readonly addresses: readonly string[]
  /** IDs that no event has. */
  readonly ids: readonly string[]
}

export function slipsOf(identifiers: readonly Identifier[], isNobody: boolean): Slips {
  const known = new Set(identifiers.filter(({ kind }) => kind === "email").map(({ value }) => form(value)))
  const ids = identifiers.flatMap(({ kind, value }) => (kind === "id" && !isPseudonym(value) ? [value] : []))
  const addresses = ids.filter((value) => /[^\s@]@[^\s@]+\.[^\s@]/.test(value) && !known.has(form(value)))
  return { addresses, ids: isNobody ? ids : [] }
}

/** In a transaction. */
export async function slipsIn(client: Client, slips: Slips, scope: SubjectScope): Promise<string[]> {
  // Of the tables of a request one that its role may read too; to make one of its own it would need a right.
  await client.query("select pgtrail.subject_stage()")
  const copy = client.query(copyFrom("copy pg_temp.pgtrail_listed (group_name, replacement) from stdin"))
  copy.end(
    [
      ...slips.addresses.map((value) => `address\t${escaped(value)}\n`),
      ...slips.ids.map((value) => `id\t${escaped(value)}\n`),
    ].join(""),
  )
  await once(copy, "finish")
  const address = slips.addresses.length === 0 ? "0" : await withAddress(client, slips, scope)
  const cased = slips.ids.length === 0 ? "0" : await inOtherCase(client, scope)
  return [
    ...(address === "0"
      ? []
      : [
          `the ID is an e-mail address, and was compared with actor_id alone: ${plural(address, "event")} ${has(address)} it as actor_email: --also email=`,
        ]),
    ...(cased === "0"
      ? []
      : [
          `no event has the ID as its actor, and ${plural(cased, "event")} ${has(cased)} it in another case: ids are compared as they are written`,
        ]),
  ]
}

const inScope = `($1::text[] is null or e.organization_id = any ($1)) and ($2::timestamptz is null or e.occurred_at >= $2)
  and ($3::timestamptz is null or e.occurred_at < $3)`
const boundsOf = ({ organizations, since, until }: SubjectScope) => [
  organizations ?? null,
  since ?? null,
  until ?? null,
]

/** As find_subject looks for one: the index has the addresses as lower() in collation C makes them, which knows ASCII alone. */
async function withAddress(client: Client, { addresses }: Slips, scope: SubjectScope): Promise<string> {
  const typed =
    "array(select lower(normalize(t.replacement)) from pg_temp.pgtrail_listed t where t.group_name = 'address')"
  const byIndex = addresses.every((value) => /^[\0-\x7f]*$/.test(value))
    ? `and (e.actor_email is not null or e.actor_name is not null or e.ip_address is not null or e.device_id is not null)
       and array[lower(left(e.actor_email, 300)), left(e.actor_name, 300), host(e.ip_address), left(e.device_id, 300)] && array(
         select left(k, 300) from unnest(${typed}) k)`
    : ""
  const { rows } = await client.query<{ events: string }>(
    `select count(*) as events from pgtrail.event e where ${inScope} ${byIndex} and lower(normalize(e.actor_email)) = any (${typed})`,
    boundsOf(scope),
  )
  return rows[0]?.events ?? "0"
}

/** The index is walked letter by letter, and only where it has what begins so: an ID of thirty letters has a milliard of cases. */
async function inOtherCase(client: Client, scope: SubjectScope): Promise<string> {
  await client.query("set local enable_seqscan = off")
  const { rows } = await client.query<{ events: string }>(
    `with recursive typed as materialized (
       select distinct f.id from pg_temp.pgtrail_listed t, lateral (values (normalize(t.replacement)), (normalize(t.replacement, nfd))) f (id)
       where t.group_name = 'id'
     ), walk (organization_id, id, prefix, n) as (
       select h.organization_id, t.id, '' collate "C", 0 from pgtrail.chain_head h, typed t
       where h.seq = 0 and ($1::text[] is null or h.organization_id = any ($1)) group by 1, 2
       union all
       select w.organization_id, w.id, (w.prefix || l.letter) collate "C", w.n + 1
       from walk w, lateral (
         select distinct v.letter from (select substr(w.id, w.n + 1, 1) as c) s, lateral (values (s.c), (lower(s.c)), (upper(s.c))) v (letter)
       ) l, lateral (
         select from pgtrail.event e
         where e.organization_id = w.organization_id and e.actor_id is not null and left(e.actor_id, 300) >= w.prefix || l.letter
           and left(e.actor_id, 300) < w.prefix || l.letter || chr(1114111)
         order by left(e.actor_id, 300) limit 1) f
       where w.n < least(length(w.id), 300)
     )
     select coalesce(sum(f.events), 0) as events
     from (select distinct w.organization_id, w.prefix from walk w where w.n = least(length(w.id), 300)) w, lateral (
       select count(*) as events from pgtrail.event e
       where e.organization_id = w.organization_id and left(e.actor_id, 300) = w.prefix and ${inScope}
         and lower(normalize(e.actor_id)) = any (array(select lower(t.id) from typed t))) f`,
    boundsOf(scope),
  )
  return rows[0]?.events ?? "0"
}

const has = (events: string): string => (events === "1" ? "has" : "have")
const form = (text: string): string => text.normalize("NFC").toLowerCase()
