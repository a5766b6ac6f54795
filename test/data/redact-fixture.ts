// A redaction as SQL makes it: the identifiers go into the stage, every partition is searched and redacted, and one act records it.
import { randomBytes } from "node:crypto"
import type { Client } from "pg"
import type { TestDatabase, TextRow } from "../database.js"

/** Kind and value of each identifier; the first is the main one. */
export type Subject = readonly (readonly [kind: string, value: string])[]

export interface RedactionChoice {
  readonly strategy?: string
  /** A pseudonym for each organization. */
  readonly replacements?: Readonly<Record<string, string>>
  /** Of all partitions. */
  readonly partitions?: readonly string[]
  readonly organizations?: readonly string[]
  readonly since?: string
  readonly until?: string
  readonly inText?: boolean
  readonly request?: string
  /** Called when all is replaced and nothing is recorded. */
  readonly meanwhile?: () => Promise<unknown>
}

/** Brings the identifiers in, in a transaction that is open. */
export async function stage(client: Pick<Client, "query">, subject: Subject): Promise<void> {
  await client.query("select pgtrail.subject_stage()")
  await client.query("insert into pg_temp.pgtrail_subject select * from unnest($1::text[], $2::text[])", [
    subject.map(([kind]) => kind),
    subject.map(([, value]) => value),
  ])
}

const all = async (client: Pick<Client, "query">): Promise<string[]> =>
  (
    await client.query<{ name: string }>("select name from pgtrail.partitions() order by since, name")
  ).rows.map(({ name }) => name)

/** Fills the plan, in a transaction that is open and has its stage. */
export async function plan(client: Pick<Client, "query">, choice: RedactionChoice = {}): Promise<string[]> {
  const names = choice.partitions ?? (await all(client))
  for (const name of names) {
    await client.query("select pgtrail.find_subject($1, $2, $3, $4, $5)", [
      name,
      choice.organizations ?? null,
      choice.since ?? null,
      choice.until ?? null,
      choice.inText ?? false,
    ])
  }
  return [...names]
}

const told =
  "organization_id, seq, as_actor, as_subject, mentioned, identity_fields, content_fields, frame_fields, held, law, sound"

/** What a redaction would touch, in the order of the log; nothing is changed. In a session that lasts, a tenth of a second less. */
export async function foundOn(
  client: Pick<Client, "query">,
  subject: Subject,
  choice: RedactionChoice = {},
  columns = told,
): Promise<TextRow[]> {
  await client.query("begin")
  try {
    await stage(client, subject)
    await plan(client, choice)
    const { rows } = await client.query<TextRow>(
      `select ${columns} from pg_temp.pgtrail_plan order by organization_id, lane, seq`,
    )
    return rows
  } finally {
    await client.query("rollback")
  }
}

/** The same in a session of its own. */
export async function found(
  db: TestDatabase,
  subject: Subject,
  choice: RedactionChoice = {},
  columns = told,
): Promise<TextRow[]> {
  const client = await db.client()
  try {
    return await foundOn(client, subject, choice, columns)
  } finally {
    await client.end()
  }
}

/** What record_redaction told. */
export async function redactOn(
  client: Pick<Client, "query">,
  subject: Subject,
  choice: RedactionChoice = {},
): Promise<TextRow> {
  const { strategy = "erase" } = choice
  await client.query("begin")
  try {
    await stage(client, subject)
    await client.query("select pgtrail.redact_begin()")
    // As pgtrail makes them: nobody's word is taken for a pseudonym.
    if (choice.replacements !== undefined)
      await client.query(
        `insert into pgtrail.pseudonym (pseudonym, organization_id, strategy, key_id, lookup)
       select r.value, r.key, $2, 'key', sha256(convert_to(r.value, 'UTF8')) from jsonb_each_text($1) r on conflict do nothing`,
        [JSON.stringify(choice.replacements), strategy],
      )
    for (const name of await plan(client, choice)) {
      await client.query("select pgtrail.redact_partition($1, $2, $3)", [
        name,
        strategy,
        choice.replacements === undefined ? null : JSON.stringify(choice.replacements),
      ])
    }
    await choice.meanwhile?.()
    const { rows } = await client.query<TextRow>(
      "select * from pgtrail.record_redaction($1, 'asked for', 'the officer', $2, $3, $4, $5)",
      [strategy, choice.request ?? null, choice.inText ?? false, choice.since ?? null, choice.until ?? null],
    )
    await client.query("commit")
    return rows[0] ?? {}
  } catch (error) {
    await client.query("rollback")
    throw error
  }
}

export async function redact(
  db: TestDatabase,
  subject: Subject,
  choice: RedactionChoice = {},
): Promise<TextRow> {
  const client = await db.client()
  try {
    return await redactOn(client, subject, choice)
  } finally {
    await client.end()
  }
}

/** Appends one event with these columns. */
export async function append(
  db: TestDatabase,
  columns: Readonly<Record<string, unknown>>,
): Promise<{ lane: string; seq: string }> {
  const names = Object.keys(columns)
  const [row] = await db.query(
    `insert into pgtrail.event (${names.join(", ")}) values (${names.map((_, n) => `$${n + 1}`).join(", ")}) returning lane, seq`,
    Object.values(columns),
  )
  return { lane: row?.lane ?? "", seq: row?.seq ?? "" }
}

/** The tables of the schema whose rows, as text, have one of `values`: as they are, as JSON writes them, in any case. */
export async function whereabouts(db: TestDatabase, values: readonly string[]): Promise<string[]> {
  const tables = await db.query(
    `select c.oid::regclass::text as name from pg_class c
     where c.relnamespace = 'pgtrail'::regnamespace and c.relkind in ('r', 'm') order by 1`,
  )
  const each = tables.map(
    ({ name }) =>
      `select distinct '${name}' as name, v.n from ${name} t, unnest($1::text[]) with ordinality v (value, n), lateral (select lower(t::text) as row) r
       where strpos(r.row, lower(v.value)) > 0 or strpos(r.row, lower(trim('"' from to_json(v.value)::text))) > 0
         or strpos(replace(r.row, '\\\\', '\\'), lower(v.value)) > 0`,
  )
  const rows = await db.query(`${each.join(" union all ")} order by 1, 2`, [values])
  return rows.map(({ name, n }) => `${name}: ${values[Number(n) - 1]}`)
}

const sessions = new WeakMap<TestDatabase, Promise<Client>>()

/** Appends the events to an organization of their own and searches it; all searches of a database in one session. */
export async function search(
  db: TestDatabase,
  events: readonly Readonly<Record<string, unknown>>[],
  subject: Subject,
  inText = false,
): Promise<TextRow[]> {
  const organization = `s${randomBytes(5).toString("hex")}`
  for (const event of events) await append(db, { organization_id: organization, event_type: "a", ...event })
  const session = sessions.get(db) ?? db.client()
  sessions.set(db, session)
  return foundOn(
    await session,
    subject,
    { organizations: [organization], inText },
    "seq, as_actor, as_subject, mentioned, identity_fields, content_fields, frame_fields",
  )
}
