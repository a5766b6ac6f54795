// Restricts what is done with the events of a subject, and lifts that again (Article 18): each by an act, which names nobody.
import type { Client } from "pg"
import { performUnsigned } from "../act/unsigned.js"
import { TrailError } from "../errors.js"
import type { StoreContext } from "../store/store.js"
import { plural, quoted } from "../words.js"
import { refuseText } from "./given.js"
import type { Identifier } from "./identifiers.js"
import { refuseNamed } from "./named.js"
import { recipientsOf } from "./recipients.js"
import { refuseUnknownRequest } from "./request.js"
import { refuseSharedInLog } from "./shared-address.js"
import { stageSubject } from "./stage.js"

export interface RestrictOptions {
  readonly reason: string
  readonly requestedBy: string
  /** Only events of this organization; without it, of all. */
  readonly organization?: string | undefined
  /** The request in the register that it answers. */
  readonly request?: string | undefined
  /** By it is looked which backups lie where they were put. */
  readonly store?: StoreContext | undefined
}

export interface Restricted {
  /** Null: the same is in force already. */
  readonly act: string | null
  /** How many events of the log it hides that were not hidden before; null where it is not known. */
  readonly events: string | null
}

export interface Unrestricted {
  /** The restrictions that were lifted, by their acts. */
  readonly restrictions: readonly string[]
  readonly acts: readonly string[]
}

interface InForce {
  readonly act: string
  readonly organization_id: string | null
  readonly identifiers: string
}

/** Throws `usage`, `privilege`, `read-only`. */
export async function restrictSubject(
  client: Client,
  identifiers: readonly Identifier[],
  options: RestrictOptions,
): Promise<Restricted> {
  const { reason, requestedBy, organization, request } = options
  refuseText({ reason, requestedBy, organization, request }, "nothing was restricted")
  if (identifiers.some(({ kind }) => kind === "text")) {
    throw new TrailError(
      "usage",
      "a restriction looks for no text: it hides what the subject did and what was done to him",
      {
        hint: "nothing was restricted; leave out --also text=...",
      },
    )
  }
  refuseNamed(identifiers, { "--reason": reason, "--requested-by": requestedBy, "--request": request })
  await refuseUnknownRequest(client, request, "nothing was restricted")
  const scope = { organizations: organization === undefined ? undefined : [organization] }
  await refuseSharedInLog(client, identifiers, scope, "nothing was restricted")
  // Who got such events before must be told of the restriction too; and a backup that is restored brings none back.
  const recipients = request === undefined ? [] : await recipientsOf(client, organization, options)
  const before = (await restrictions(client)).length === 0 ? 0n : await hiddenEvents(client)
  const act = await performUnsigned(client, async () => {
    await stageSubject(client, identifiers)
    const { rows } = await client.query<{ act: string | null }>(
      "select pgtrail.restrict_subject($1, $2, $3, $4) as act",
      [organization ?? null, reason, requestedBy, request ?? null],
    )
    const made = rows[0]?.act ?? null
    if (request !== undefined) {
      await client.query("select pgtrail.note_request_act($1, $2, $3)", [
        request,
        made,
        JSON.stringify(recipients),
      ])
    }
    return made
  })
  if (act === null) return { act, events: null }
  // The restriction stands, counted or not.
  const after = await hiddenEvents(client).catch(() => null)
  return { act, events: after === null ? null : String(after - before) }
}

/** Of all restrictions together, by the view that hides them: it alone says what that is. */
async function hiddenEvents(client: Client): Promise<bigint> {
  const { rows } = await client.query<{ hidden: string }>(
    "select (select count(*) from pgtrail.event) - (select count(*) from pgtrail.open_event) as hidden",
  )
  return BigInt(rows[0]?.hidden ?? "0")
}

async function restrictions(client: Client): Promise<InForce[]> {
  const { rows } = await client.query<InForce>(
    `select r.act_seq as act, r.organization_id, count(distinct (r.kind, normalize(r.value))) as identifiers
     from pgtrail.subject_restriction r group by 1, 2 order by 1`,
  )
  return rows
}

/** By the act that placed it, or all that name one of these identifiers. Throws `not-found` where there is none. */
export async function unrestrictSubject(
  client: Client,
  which: { readonly act: string } | { readonly identifiers: readonly Identifier[] },
  options: RestrictOptions,
): Promise<Unrestricted> {
  const { reason, requestedBy, organization, request } = options
  refuseText({ reason, requestedBy, request }, "nothing was lifted")
  const placed = await restrictedRows(client)
  const wanted = "act" in which ? [which.act] : naming(placed, which.identifiers, organization)
  const about = placed.filter(({ act }) => wanted.includes(act)) as readonly Identifier[]
  refuseNamed("act" in which ? about : [...which.identifiers, ...about], {
    "--reason": reason,
    "--requested-by": requestedBy,
    "--request": request,
  })
  if (wanted.length === 0 || wanted.some((act) => !placed.some((row) => row.act === act)))
    throw await noRestriction(client)
  await refuseUnknownRequest(client, request, "nothing was lifted")
  const acts: string[] = []
  // One transaction: a restriction of several acts is lifted whole, or stays.
  await performUnsigned(client, async () => {
    for (const act of wanted) {
      const { rows } = await client.query<{ act: string | null }>(
        "select pgtrail.unrestrict_subject($1, $2, $3, $4) as act",
        [act, reason, requestedBy, request ?? null],
      )
      const lifted = rows[0]?.act
      if (lifted == null) throw await noRestriction(client)
      acts.push(lifted)
    }
  })
  return { restrictions: wanted, acts }
}

type RestrictedRow = Record<"act" | "organization" | "kind" | "value", string>

async function restrictedRows(client: Client): Promise<readonly RestrictedRow[]> {
  const { rows } = await client.query<RestrictedRow>(
    "select r.act_seq as act, r.organization_id as organization, r.kind, r.value from pgtrail.subject_restriction r order by r.act_seq, r.number",
  )
  return rows
}

/** Compared here, so that no identifier goes to the server. */
function naming(
  rows: readonly RestrictedRow[],
  identifiers: readonly Identifier[],
  organization: string | undefined,
): string[] {
  const wanted = new Set(identifiers.map(({ kind, value }) => formOf(kind, value)))
  return [
    ...new Set(
      rows
        .filter(({ organization: of }) => organization === undefined || of === organization)
        .filter(({ kind, value }) => wanted.has(formOf(kind, value)))
        .map(({ act }) => act),
    ),
  ]
}

function formOf(kind: string, value: string): string {
  const normal = value.normalize("NFC")
  if (kind === "ip") return `ip=${normal.toLowerCase().replace(/\/(32|128)$/, "")}`
  return `${kind}=${kind === "email" ? normal.toLowerCase() : normal}`
}

/** Tells of those that are, as nothing else tells who may read no acts. */
async function noRestriction(client: Client): Promise<TrailError> {
  const inForce = (await restrictions(client)).slice(0, most).map(inWords)
  return new TrailError("not-found", "no such restriction is in force", {
    hint: `nothing was lifted; ${inForce.length === 0 ? "none is in force" : `in force: ${inForce.join(", ")}`}`,
  })
}

const most = 20

const inWords = ({ act, organization_id: organization, identifiers }: InForce): string =>
  `act ${act} (${plural(identifiers, "identifier")}${organization === null ? "" : `, organization ${quoted(organization)}`})`
