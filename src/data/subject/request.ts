// The register of people's requests: when each came, until when it must be answered, what was done. It names no subject; each step is an act.
import type { Client, ClientBase } from "pg"
import { performUnsigned } from "../act/unsigned.js"
import { TrailError } from "../errors.js"
import { near } from "../near.js"
import { writeTime } from "../query/columns.js"
import { quoted } from "../words.js"
import { refuseText } from "./given.js"
import { refuseAddress } from "./named.js"
import { isAnswered, refuseUnanswered } from "./request-answer.js"
import { extendedLate, isLate } from "./request-late.js"

export const requestKinds = [
  "access",
  "portability",
  "erasure",
  "rectification",
  "restriction",
  "objection",
] as const
export type RequestKind = (typeof requestKinds)[number]
export const requestOutcomes = ["done", "partly", "refused", "withdrawn"] as const
export type RequestOutcome = (typeof requestOutcomes)[number]

export interface SubjectRequest {
  readonly request: string
  readonly kind: RequestKind
  /** late: it is open, and its time is over, or was before it was extended. */
  readonly state: "open" | "late" | "closed"
  readonly received_at: string
  /** The end of the last day, in UTC. */
  readonly due_at: string
  readonly extended_at: string | null
  /** After it was due, which makes nothing good. */
  readonly extended_late: boolean
  /** It was answered, or is open still, after it was due; or it was extended late. */
  readonly late: boolean
  readonly extension_reason: string | null
  readonly closed_at: string | null
  readonly outcome: RequestOutcome | null
  /** It is closed as done, and no act of pgtrail answered it: `closing_reason` says how it was, or nobody said it. */
  readonly elsewhere: boolean
  readonly closing_reason: string | null
  readonly closed_by: string | null
  /** sha256 of what the subject was given. */
  readonly receipt: string | null
  /** The acts that answered it. */
  readonly acts: readonly string[]
  /** Who had the subject's events and must be told (Article 19). */
  readonly recipients: readonly Recipient[]
  readonly note: string | null
  readonly entered_by: string
}

/** An export, an archive or a backup: by its name, never whose events it has. */
export interface Recipient {
  readonly kind: string
  readonly name: string
  readonly [more: string]: unknown
}

export interface NewRequest {
  readonly kind: RequestKind
  /** When it came; without it, now. */
  readonly received?: string | undefined
  /** Its number, which names no person; without it, the year and the next number. */
  readonly request?: string | undefined
  readonly note?: string | undefined
}

export interface RequestFilter {
  readonly request?: string | undefined
  /** Also those that are closed. */
  readonly all?: boolean | undefined
}

type Row = Record<keyof SubjectRequest, string | null>

/** Those due first, first. */
export async function subjectRequests(
  client: ClientBase,
  filter: RequestFilter = {},
): Promise<SubjectRequest[]> {
  const { rows } = await client.query<Row>(
    `select r.request_id as request, r.kind,
       case when r.closed_at is not null then 'closed' when ${isLate} then 'late' else 'open' end as state,
       ${isLate} as late, ${extendedLate} as extended_late,
       r.received_at, r.due_at, r.extended_at, r.extension_reason, r.closed_at, r.outcome,
       r.outcome = 'done' and (c.reason is not null or r.receipt is null) and not (${isAnswered}) as elsewhere,
       c.reason as closing_reason, r.closed_by, r.receipt,
       to_json(r.acts::text[]) as acts, r.recipients, r.note, r.session_user_name as entered_by
     from pgtrail.subject_request r
     left join (
       select p.parameters ->> 'request' as request, p.parameters ->> 'reason' as reason from pgtrail.act p
       where p.organization_id = 'pgtrail' and p.kind = 'request' and p.parameters ->> 'step' = 'close'
     ) c on c.request = r.request_id
     where ($1::text is null or r.request_id = $1) and ($2 or r.closed_at is null)
     order by r.closed_at is not null, r.due_at, r.request_id collate "C"`,
    [filter.request ?? null, filter.all === true || filter.request !== undefined],
  )
  const archives = await archivesThere(client, rows)
  return rows.map((row) => {
    const times = Object.fromEntries(timeColumns.map((column) => [column, writeTime(row[column])]))
    const lists = { acts: JSON.parse(row.acts ?? "[]"), recipients: recipientsOf(row, archives) }
    const facts = {
      late: row.late === "t",
      extended_late: row.extended_late === "t",
      elsewhere: row.elsewhere === "t",
    }
    return { ...row, ...times, ...lists, ...facts } as unknown as SubjectRequest
  })
}

const recipientsOf = ({ recipients }: Row, archives: ReadonlySet<string>): Recipient[] =>
  (JSON.parse(recipients ?? "[]") as Recipient[]).map((one) =>
    one.kind === "archive" && !archives.has(one.name)
      ? { ...one, done: "written anew or removed since" }
      : one,
  )

/** Of the archives that are to be seen to, those that are in force as they were. */
async function archivesThere(client: ClientBase, rows: readonly Row[]): Promise<ReadonlySet<string>> {
  const names = rows.flatMap(({ recipients }) =>
    (JSON.parse(recipients ?? "[]") as Recipient[]).flatMap(({ kind, name }) =>
      kind === "archive" ? [name] : [],
    ),
  )
  if (names.length === 0) return new Set()
  const { rows: there } = await client.query<{ name: string }>(
    "select a.name from pgtrail.archive a where a.name = any ($1) and a.removed_seq is null",
    [names],
  )
  return new Set(there.map(({ name }) => name))
}

const timeColumns = ["received_at", "due_at", "extended_at", "closed_at"] as const

/** Throws `not-found`. `otherwise`: what was not done then. */
export async function subjectRequest(
  client: ClientBase,
  request: string,
  otherwise?: string,
): Promise<SubjectRequest> {
  const [found] = await subjectRequests(client, { request })
  if (found !== undefined) return found
  const known = (await subjectRequests(client, { all: true })).map((one) => one.request)
  const [meant] = near(request, known)
  const next = meant === undefined ? "pgtrail gdpr request list --all" : `did you mean ${quoted(meant)}?`
  throw new TrailError("not-found", `there is no request ${quoted(request)}`, {
    hint: otherwise === undefined ? next : `${otherwise}; ${next}`,
  })
}

/** Throws `not-found` where it is given and is not in the register. */
export async function refuseUnknownRequest(
  client: ClientBase,
  request: string | undefined,
  otherwise: string,
): Promise<void> {
  if (request !== undefined) await subjectRequest(client, request, otherwise)
}

/** Throws `usage`, `privilege`, `read-only`. */
export async function addRequest(
  client: Client,
  { kind, received, request, note }: NewRequest,
): Promise<SubjectRequest> {
  refuseText({ kind, request, note }, "nothing was entered")
  refuseAddress({ "--id": request, "--note": note })
  const name = await step(client, "select pgtrail.add_request($1, $2, $3, $4) as answer", [
    kind,
    received ?? null,
    request ?? null,
    note ?? null,
  ])
  return subjectRequest(client, name)
}

/** By two months, once, with the reason that the subject is told. Throws `usage`, `not-found`. */
export async function extendRequest(
  client: Client,
  request: string,
  reason: string,
): Promise<SubjectRequest> {
  refuseText({ reason }, "nothing was extended")
  refuseAddress({ "--reason": reason })
  await subjectRequest(client, request, "nothing was extended")
  await step(client, "select pgtrail.extend_request($1, $2) as answer", [request, reason])
  return subjectRequest(client, request)
}

export interface CloseOptions {
  readonly outcome: RequestOutcome
  readonly by?: string | undefined
  /** sha256 of what the subject was given, in hex. */
  readonly receipt?: string | undefined
  /** Of what was refused, or answered in part, the reason that the subject is told; of what was answered outside of pgtrail, how. */
  readonly reason?: string | undefined
  /** The receipt is that of an erasure for this request, and complete: of one that found nothing there is no act. */
  readonly erased?: boolean | undefined
}

/** Throws `usage`, also where it is to be done and nothing answered it, `not-found`. */
export async function closeRequest(
  client: Client,
  request: string,
  options: CloseOptions,
): Promise<SubjectRequest> {
  const { outcome, by, receipt, reason, erased = false } = options
  refuseText({ by, reason }, "nothing was closed")
  refuseAddress({ "--reason": reason })
  const { kind } = await subjectRequest(client, request, "nothing was closed")
  const isSaid = (erased && kind === "erasure") || (reason ?? "").trim() !== ""
  await step(
    client,
    "select pgtrail.close_request($1, $2, $3, $4, $5) as answer",
    [request, outcome, by ?? null, receipt ?? null, reason ?? null],
    // In its transaction: what answers it meanwhile waits for the lock of the acts.
    async () => {
      if (outcome === "done" && !isSaid) await refuseUnanswered(client, request, kind)
    },
  )
  return subjectRequest(client, request)
}

function step(
  client: Client,
  text: string,
  values: readonly (string | null)[],
  judge?: () => Promise<void>,
): Promise<string> {
  return performUnsigned(client, async () => {
    const { rows } = await client.query<{ answer: string }>(text, [...values])
    await judge?.()
    return rows[0]?.answer ?? ""
  })
}
