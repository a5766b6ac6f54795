// The restrictions in force (Article 18): since when, why and by whom, and how much each hides. Whom they are about is not told.
import type { Client } from "pg"
import { TrailError } from "../errors.js"
import { writeTime } from "../query/columns.js"
import type { Identifier } from "./identifiers.js"
import { refuseUnable } from "./redact.js"
import { findInPartition, partitionsIn, stageSubject } from "./stage.js"

export interface Restriction {
  /** seq of the act that placed it: its number. */
  readonly act: string
  readonly since: string
  /** Null: of all organizations. */
  readonly organization_id: string | null
  /** How many, and of which kinds: "email, id". */
  readonly identifiers: string
  readonly kinds: string
  /** How many events of the log it hides; null where they were not counted. */
  readonly events: string | null
  readonly reason: string
  readonly requested_by: string
  readonly request: string | null
  readonly placed_by: string
}

export interface RestrictionsOptions {
  /** Looks for the events that each of them hides. */
  readonly count?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly progress?: ((doing: string) => void) | undefined
}

const signature = "pgtrail.restrict_subject(text,text,text,text)"
const nothing = "nothing was shown"

/** Oldest first. Throws `privilege`; `read-only` where a standby is to count. */
export async function listRestrictions(
  client: Client,
  options: RestrictionsOptions = {},
): Promise<Restriction[]> {
  if (options.count === true) await refuseUnable(client, signature, { nothing })
  const { rows: able } = await client.query<{ may: string }>(
    "select has_function_privilege($1, 'execute') as may",
    [signature],
  )
  if (able[0]?.may !== "t") {
    throw new TrailError("privilege", "this role may not know which restrictions are in force", {
      hint: `${nothing}; that takes pgtrail_privacy: pgtrail grant privacy ROLE`,
    })
  }
  const { rows } = await client.query<Omit<Restriction, "events">>(
    `select r.act_seq as act, a.recorded_at as since, r.organization_id, sum(r.n) as identifiers,
       string_agg(case when r.n = 1 then r.kind else r.kind || ' (' || r.n || ')' end, ', ' order by r.kind) as kinds,
       a.parameters->>'reason' as reason, a.parameters->>'requested_by' as requested_by, a.parameters->>'request' as request,
       a.session_user_name as placed_by
     from (
       select r.act_seq, r.organization_id, r.kind, count(distinct normalize(r.value)) as n from pgtrail.subject_restriction r group by 1, 2, 3
     ) r
     join pgtrail.act a on a.organization_id = 'pgtrail' and a.seq = r.act_seq
     group by 1, 2, 3, 6, 7, 8, 9 order by 1`,
  )
  const listed: Restriction[] = []
  for (const row of rows) {
    const events = options.count === true ? await hiddenBy(client, row, options) : null
    listed.push({ ...row, since: writeTime(row.since), events })
  }
  return listed
}

/** What its subject did and what was done to him: partition by partition, each in a short transaction. */
async function hiddenBy(
  client: Client,
  { act, organization_id: organization }: Pick<Restriction, "act" | "organization_id">,
  { signal, progress }: RestrictionsOptions,
): Promise<string> {
  const { rows } = await client.query<{ kind: Identifier["kind"]; value: string }>(
    `select distinct r.kind, normalize(regexp_replace(r.value, case r.kind when 'ip' then '/(32|128)$' else '^$' end, '')) as value
     from pgtrail.subject_restriction r where r.act_seq = $1`,
    [act],
  )
  const scope = organization === null ? {} : { organizations: [organization] }
  let sum = 0n
  for (const partition of await partitionsIn(client, scope)) {
    signal?.throwIfAborted()
    progress?.(`looking through ${partition} for act ${act}`)
    await client.query("begin isolation level read committed")
    try {
      await stageSubject(client, rows)
      await findInPartition(client, partition, scope)
      const counted = await client.query<{ events: string }>(
        "select count(*) as events from pg_temp.pgtrail_plan p where p.as_actor or p.as_subject",
      )
      sum += BigInt(counted.rows[0]?.events ?? "0")
    } finally {
      await client.query("rollback").catch(() => undefined)
    }
  }
  return String(sum)
}
