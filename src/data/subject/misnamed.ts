// Slips in a request: an organization that the log does not have, and an ID as no event has it. "Nothing is there" would be taken for an answer.
import { once } from "node:events"
import type { Client } from "pg"
import { from as copyFrom } from "pg-copy-streams"
import { TrailError } from "../errors.js"
import { organizationKnown } from "../organization-known.js"
import { plural, quoted } from "../words.js"
import type { Identifier } from "./identifiers.js"
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
 * In words, of IDs that are written otherwise where events have them; no value is in them. Reads all events, and does so only for an ID that
 * looks like an e-mail address, or, with `isNobody`, that no event has. Not within a transaction.
 */
export async function misnamed(
  client: Client,
  identifiers: readonly Identifier[],
  { organizations, since, until }: SubjectScope,
  isNobody: boolean,
): Promise<string[]> {
  const addresses = new Set(
    identifiers.filter(({ kind }) => kind === "email").map(({ value }) => form(value)),
  )
  const ids = identifiers.filter(({ kind, value }) => kind === "id" && !pseudonym.test(value))
  const alike = ids.filter(({ value }) => /[^\s@]@[^\s@]+\.[^\s@]/.test(value) && !addresses.has(form(value)))
  if (alike.length === 0 && !(isNobody && ids.length > 0)) return []
  await client.query("begin isolation level read committed")
  try {
    // Of the tables of a request one that its role may read too; to make one of its own it would need a right.
    await client.query("select pgtrail.subject_stage()")
    const copy = client.query(copyFrom("copy pg_temp.pgtrail_listed (group_name, replacement) from stdin"))
    const lines = [
      ...alike.map((one) => ["address", one] as const),
      ...ids.map((one) => ["id", one] as const),
    ]
    copy.end(lines.map(([kind, { value }]) => `${kind}\t${escaped(value)}\n`).join(""))
    await once(copy, "finish")
    const { rows } = await client.query<{ address: string; cased: string }>(
      `with typed as materialized (
         select array_agg(lower(normalize(t.replacement))) filter (where t.group_name = 'address') as addresses,
           array_agg(lower(normalize(t.replacement))) filter (where t.group_name = 'id' and $4) as ids from pg_temp.pgtrail_listed t)
       select count(*) filter (where lower(normalize(e.actor_email)) = any (t.addresses)) as address,
         count(*) filter (where lower(normalize(e.actor_id)) = any (t.ids)) as cased
       from pgtrail.event e, typed t
       where ($1::text[] is null or e.organization_id = any ($1)) and ($2::timestamptz is null or e.occurred_at >= $2)
         and ($3::timestamptz is null or e.occurred_at < $3)`,
      [organizations ?? null, since ?? null, until ?? null, isNobody],
    )
    const { address = "0", cased = "0" } = rows[0] ?? {}
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
  } finally {
    await client.query("rollback").catch(() => undefined)
  }
}

const has = (events: string): string => (events === "1" ? "has" : "have")
const pseudonym = /^p1:[hte]:/
const form = (text: string): string => text.normalize("NFC").toLowerCase()
