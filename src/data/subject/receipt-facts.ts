// Puts the receipt of an erasure together from what was done.
import type { Client } from "pg"
import { writeTime } from "../query/columns.js"
import { copiesOf } from "./copies.js"
import type { EarlierErasure } from "./earlier.js"
import { namedElsewhere, unsaltedHolds } from "./elsewhere.js"
import { countFound, type FoundField } from "./found.js"
import type { Identifier } from "./identifiers.js"
import type { KnownBackup } from "./known-backups.js"
import { isUnsearched, type Unsearched } from "./limits.js"
import { type ErasedField, type Receipt, type Remains, receiptSchema, toolName } from "./receipt.js"
import type { Redacted } from "./redact.js"
import type { ArchiveRedacted } from "./redact-archives.js"
import type { SubjectScope } from "./stage.js"

export interface Facts {
  readonly identifiers: readonly Identifier[]
  readonly options: SubjectScope & {
    readonly request?: string | undefined
    readonly archives?: boolean | undefined
    readonly backupsKeptDays?: number | undefined
  }
  readonly redacted: Redacted
  readonly earlier: readonly EarlierErasure[]
  readonly archives: readonly ArchiveRedacted[]
  readonly backups: readonly KnownBackup[]
  readonly remains: Remains | null
  readonly failed: readonly string[]
  readonly limits: readonly string[]
  readonly unsearched: Unsearched
  readonly register: string | null
}

export async function makeReceipt(client: Client, facts: Facts): Promise<Receipt> {
  const { options, redacted, archives, remains, failed } = facts
  const { found } = redacted
  const { rows } = await client.query<{ log_id: string; now: string }>(
    "select l.log_id, now() as now from pgtrail.log l",
  )
  const named = await namedElsewhere(client, facts.identifiers)
  const held = countFound(found, "held")
  const unsound = countFound(found, "unsound")
  const frame = byField(found.fields.filter(({ group }) => group === "frame"))
  const isWhole =
    remains === null || (remains.left.length === 0 && remains.partitions.every(({ why }) => why === null))
  return {
    schema: receiptSchema,
    tool: toolName,
    log_id: rows[0]?.log_id ?? "",
    time: writeTime(rows[0]?.now ?? ""),
    request: options.request ?? null,
    act: redacted.act,
    earlier: facts.earlier,
    searched: {
      organizations: options.organizations ?? null,
      since: options.since ?? null,
      until: options.until ?? null,
      text: options.inText ?? false,
      archives: options.archives ?? true,
      missing_keys: facts.unsearched.keys,
      archives_left: facts.unsearched.archives,
    },
    events: redacted.events,
    fields: byField(found.fields.filter(({ group }) => group !== "frame")) as ErasedField[],
    organizations: organizationsOf(redacted),
    kept: found.laws,
    held: { events: held, cases: found.cases },
    unsound,
    frame: frame.map(({ field, events }) => ({ field, events })),
    method: remains !== null && isWhole ? "physical" : "logical",
    remains,
    archives,
    named,
    proof: await unsaltedHolds(client, redacted.act),
    limits: facts.limits,
    failed,
    copies: await copiesOf(client, options.backupsKeptDays, facts.backups),
    register: facts.register,
    complete:
      held === "0" &&
      unsound === "0" &&
      frame.length === 0 &&
      named.length === 0 &&
      failed.length === 0 &&
      !isUnsearched(facts.unsearched) &&
      isWhole &&
      archives.every(({ why }) => why === null),
  }
}

/** Over all organizations. */
function byField(fields: readonly FoundField[]): Omit<FoundField, "organization_id">[] {
  const sums = new Map<string, Omit<FoundField, "organization_id">>()
  for (const { group, field, events } of fields) {
    const before = BigInt(sums.get(`${group} ${field}`)?.events ?? "0")
    sums.set(`${group} ${field}`, { group, field, events: String(before + BigInt(events)) })
  }
  return [...sums.values()]
}

function organizationsOf({ found }: Redacted): Receipt["organizations"] {
  const sums = new Map<string, bigint>()
  for (const { organization_id: name, replaced } of found.events) {
    if (replaced !== "0") sums.set(name, (sums.get(name) ?? 0n) + BigInt(replaced))
  }
  return [...sums].map(([organization_id, events]) => ({ organization_id, events: String(events) }))
}
