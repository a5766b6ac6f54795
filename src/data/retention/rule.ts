// The rules of retention as they stand in the log: policies, and floors that no policy goes below; and changing one, which is an act.
import type { Client, ClientBase } from "pg"
import { performAct, wantsSignatures } from "../act/perform.js"
import { textProblem } from "../append/text.js"
import { readSigningKey } from "../checkpoint/note.js"
import { TrailError } from "../errors.js"
import { near } from "../near.js"
import { writeTime } from "../query/columns.js"
import { refuseForeignFunctions } from "../verify/foreign.js"
import { quoted } from "../words.js"
import { changeOf } from "./rule-change.js"

export type RuleKind = "policy" | "floor"

export interface RetentionRule {
  readonly name: string
  /** What it is for; null: anything. */
  readonly organization_id: string | null
  readonly event_type: string | null
  readonly data_classification: string | null
  readonly compliance_tag: string | null
  readonly keep_days: string
  readonly archive_after_days: string | null
  /** The others count until their grace is over. */
  readonly state: "in force" | "replaced" | "removed"
  /** Of a policy in force: until then what was kept longer before it is kept. Of what ended: until then it counts. Null: that is over. */
  readonly grace_until: string | null
  /** What counts now for events as it names them, of a policy in its grace, where somebody lists them; else null. */
  readonly now_days: string | null
  /** Null: it is built in. */
  readonly act: string | null
  /** When it was set; null where it is built in, or this role may not know. */
  readonly set_at: string | null
  readonly set_by: string | null
}

export interface NewRule {
  readonly name: string
  readonly keepDays: number
  readonly organization?: string | undefined
  readonly classification?: string | undefined
  readonly type?: string | undefined
  readonly tag?: string | undefined
  readonly archiveAfterDays?: number | undefined
}

export interface RuleOptions {
  /** The rule's name once more: what it shortens is shortened at once, and not after the grace. */
  readonly confirm?: string | undefined
  /** A private signing key, as text: signs the act. */
  readonly key?: string | undefined
  /** Changes nothing, and says what would be changed; refused as the real run would be. */
  readonly dryRun?: boolean | undefined
}

export interface RuleChange {
  readonly kind: RuleKind
  readonly name: string
  readonly dry_run: boolean
  /** Null: nothing was changed. */
  readonly act: string | null
  /** Whether there was, or in a dry run would be, something to change. */
  readonly changed: boolean
  /** Null: it is removed. */
  readonly keep_days: string | null
  /** What it was before; null: there was no such rule. */
  readonly before_days: string | null
  /** When its events are due for an archive; null: never, or it is removed. */
  readonly archive_after_days: string | null
  /** When they were before; null: never, or there was no such rule. */
  readonly archive_before_days: string | null
  /** Until then what was kept longer is kept; null: it counts at once. */
  readonly grace_until: string | null
  /** The longest that an earlier version of the rule still counts for until then; null: there is none that is longer. */
  readonly grace_days: string | null
  /** Policies that fit the same events equally: of all of them the longest counts. */
  readonly equals: readonly { readonly name: string; readonly keep_days: string }[]
}

/** `listed`: with what counts now. In the order in which policies count. Those that ended stand behind, while the grace keeps what they kept. */
export async function rules(client: ClientBase, kind: RuleKind, listed = false): Promise<RetentionRule[]> {
  const readable = await client.query<{ readable: string }>(
    "select has_table_privilege('pgtrail.act', 'select') as readable",
  )
  const act =
    readable.rows[0]?.readable === "t"
      ? "left join pgtrail.act a on a.organization_id = 'pgtrail' and a.seq = r.act_seq"
      : "cross join (select null::timestamptz as recorded_at, null::text as session_user_name) a"
  const { rows } = await client.query<Record<keyof RetentionRule, string | null>>(
    `select r.name, r.organization_id, r.event_type, r.data_classification, r.compliance_tag, r.keep_days, r.archive_after_days,
       case when r.ended_seq is null then 'in force' when exists (select from pgtrail.retention_rule n where n.act_seq = r.ended_seq)
         then 'replaced' else 'removed' end as state,
       case when g.until > greatest(now(), g.at) and not (r.kind = 'floor' and r.ended_seq is null) then g.until end as grace_until,
       nullif(r.act_seq, 0) as act, coalesce(a.recorded_at, case when isfinite(r.counts_from) then r.counts_from end) as set_at,
       a.session_user_name as set_by,
       case when $2 and r.kind = 'policy' and r.ended_seq is null and g.until > greatest(now(), g.at) then (
         select k.keep_days from pgtrail.retention_of(r.organization_id, r.data_classification, r.event_type,
           case when num_nonnulls(r.organization_id, r.data_classification, r.event_type) = 0 then r.name else 'standard' end, '{}', now()) k
       ) end as now_days
     from pgtrail.retention_rule r ${act}
     cross join lateral (select c.at, case when isfinite(c.at) then c.at + ${graceSql} end as until
       from (select case when r.ended_seq is null then r.counts_from else r.counts_until end as at) c) g
     where r.kind = $1 and (r.ended_seq is null or g.until > greatest(now(), g.at))
     order by r.ended_seq is not null, r.organization_id is null, length(coalesce(r.event_type, '')) desc, r.data_classification is null,
       r.event_type is null and r.data_classification is null and r.organization_id is null and r.name = 'standard',
       r.compliance_tag, r.name, r.act_seq`,
    [kind, listed],
  )
  return rows.map(
    (row) =>
      ({ ...row, grace_until: writeTime(row.grace_until), set_at: writeTime(row.set_at) }) as RetentionRule,
  )
}

/** The grace as an interval, as retention_of counts it. */
export const graceSql = `(coalesce((select rtrim(s.value, 'd')::int from pgtrail.setting s where s.name = 'retention-grace'), 7)
  * interval '24 hours')`

/** Throws `usage` for what is no rule, and for a confirmation that names another. */
export function setRule(
  client: Client,
  kind: RuleKind,
  rule: NewRule,
  options: RuleOptions = {},
): Promise<RuleChange> {
  return change(client, kind, rule, options)
}

/** Throws `not-found` where there is no such rule. */
export async function removeRule(
  client: Client,
  kind: RuleKind,
  name: string,
  options: RuleOptions = {},
): Promise<RuleChange> {
  const known = (await rules(client, kind)).filter((rule) => rule.act !== null)
  if (known.some((rule) => rule.name === name) || (kind === "policy" && name === "standard")) {
    return change(client, kind, { name }, options)
  }
  const names = known.map((rule) => rule.name)
  const [meant] = near(name, names)
  throw new TrailError("not-found", `there is no ${kind} ${quoted(name)}`, {
    hint: `nothing was changed; ${meant === undefined ? `pgtrail retention ${kind} list` : `did you mean ${quoted(meant)}?`}`,
  })
}

type Change = Omit<NewRule, "keepDays"> & { readonly keepDays?: number }

async function change(
  client: Client,
  kind: RuleKind,
  rule: Change,
  { confirm, key, dryRun = false }: RuleOptions,
): Promise<RuleChange> {
  const { name } = rule
  const problem = textProblem(JSON.stringify(rule))
  if (problem !== undefined) throw new TrailError("usage", problem, { hint: "nothing was changed" })
  if (confirm !== undefined && confirm !== name) {
    throw new TrailError("usage", `--confirm names ${quoted(confirm)}, and the ${kind} is ${quoted(name)}`, {
      hint: "nothing was changed; without --confirm a shorter period waits for the grace",
    })
  }
  const { keepDays = Infinity, archiveAfterDays = 0 } = rule
  if (archiveAfterDays >= keepDays) {
    throw new TrailError(
      "usage",
      `--archive-after ${archiveAfterDays}d is not less than --keep ${keepDays}d`,
      {
        hint: "nothing was changed; an archive takes what is still kept",
      },
    )
  }
  let made: Omit<RuleChange, "dry_run"> | undefined
  const work = async (): Promise<string | null> => {
    const before = (await rules(client, kind)).find((one) => one.name === name && one.state === "in force")
    const { rows } = await client.query<{ act: string | null }>(
      "select pgtrail.set_retention($1, $2, $3::int, $4, $5, $6, $7, $8::int, $9) as act",
      [
        kind,
        name,
        rule.keepDays ?? null,
        rule.organization ?? null,
        rule.classification ?? null,
        rule.type ?? null,
        rule.tag ?? null,
        rule.archiveAfterDays ?? null,
        confirm !== undefined,
      ],
    )
    const act = rows[0]?.act ?? null
    made = changeOf(kind, name, act, before, await rules(client, kind))
    return act
  }
  if (dryRun) await tried(client, key, work)
  else await performAct(client, key === undefined ? undefined : readSigningKey(key), work)
  if (made === undefined) throw new TrailError("server", "the rule was changed, and cannot be read")
  return { ...made, dry_run: dryRun, act: dryRun ? null : made.act }
}

/** Does it and takes it back: what it would say, and what it would be refused for, is what the real run says. */
async function tried(client: Client, key: string | undefined, work: () => Promise<unknown>): Promise<void> {
  if (key === undefined && (await wantsSignatures(client))) {
    throw new TrailError("config", "this log takes signed acts only, and no key was given", {
      hint: "nothing was changed; run it again with --key file:PATH",
    })
  }
  await client.query("begin isolation level read committed")
  try {
    await refuseForeignFunctions(client)
    await work()
  } finally {
    await client.query("rollback").catch(() => undefined)
  }
}
