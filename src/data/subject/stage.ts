// Tells the server whom a request is about. The identifiers go by COPY, whose data no server logs: never as literals, never as parameters.
import { once } from "node:events"
import type { Client } from "pg"
import { from as copyFrom } from "pg-copy-streams"
import { checkIdentifiers, type Identifier } from "./identifiers.js"

/** Which events of the subject are meant; without any of these all of them. */
export interface SubjectScope {
  /** Only events of these organizations. */
  readonly organizations?: readonly string[] | undefined
  /** Only events that occurred at this time or later. */
  readonly since?: string | undefined
  /** Only events that occurred before this time. */
  readonly until?: string | undefined
  /** Looks for the identifiers in all text and JSON of all events too, which reads every event. */
  readonly inText?: boolean | undefined
}

const special = /[\\\n\r\t]/g
const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" }
/** As COPY reads a value. */
export const escaped = (text: string): string => text.replace(special, (found) => escapes[found] ?? found)

/** In a transaction, whose end takes it away. Throws `usage`, naming the kind and the number of an identifier and never its value. */
export async function stageSubject(client: Client, identifiers: readonly Identifier[]): Promise<void> {
  checkIdentifiers(identifiers)
  await client.query("select pgtrail.subject_stage()")
  await addIdentifiers(client, identifiers)
}

/** More of them, to a stage that is there. */
export async function addIdentifiers(client: Client, identifiers: readonly Identifier[]): Promise<void> {
  if (identifiers.length === 0) return
  const copy = client.query(copyFrom("copy pg_temp.pgtrail_subject (kind, value) from stdin"))
  copy.end(identifiers.map(({ kind, value }) => `${kind}\t${escaped(value)}\n`).join(""))
  await once(copy, "finish")
}

/** The partitions that may have such events, also detached ones and DEFAULT; by their names, oldest first. */
export async function partitionsIn(client: Client, { since, until }: SubjectScope): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select p.name from pgtrail.partitions() p
     where p.is_default or ($1::timestamptz is null or p.until > $1) and ($2::timestamptz is null or p.since < $2)
     order by p.is_default, p.since, p.name`,
    [since ?? null, until ?? null],
  )
  return rows.map(({ name }) => name)
}

/** Adds the events of the staged subject to the plan. `partition` may be `archive NAME`: then the rows that were loaded are searched. */
export async function findInPartition(client: Client, partition: string, scope: SubjectScope): Promise<void> {
  await found(client, partition, scope, true)
}

/**
 * Makes pg_temp.pgtrail_found of them, with what the subject is in each, and nothing of what a redaction would replace. False: there are
 * none, and no view.
 */
export async function viewInPartition(
  client: Client,
  partition: string,
  scope: SubjectScope,
): Promise<boolean> {
  const events = await found(client, partition, scope, false)
  // Null: the view is there, and finds them itself.
  if (events !== null && events !== "0") await client.query("select pgtrail.subject_view($1)", [partition])
  return events !== "0"
}

async function found(
  client: Client,
  partition: string,
  scope: SubjectScope,
  told: boolean,
): Promise<string | null> {
  const { rows } = await client.query<{ found: string | null }>(
    "select pgtrail.find_subject($1, $2, $3, $4, $5, $6) as found",
    [
      partition,
      scope.organizations ?? null,
      scope.since ?? null,
      scope.until ?? null,
      scope.inText ?? false,
      told,
    ],
  )
  return rows[0]?.found ?? null
}
