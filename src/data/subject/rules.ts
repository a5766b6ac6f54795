// Rules that say what in the log is personal, and what a law keeps: each the work of an act.
import type { Client, ClientBase } from "pg"
import { performUnsigned } from "../act/unsigned.js"
import { textProblem } from "../append/text.js"
import { TrailError } from "../errors.js"
import { writeTime } from "../query/columns.js"
import { refuseAddress } from "./named.js"
import { writePath } from "./rule-path.js"

/** `resource`: resource_id of this type names a person. `path`: a jsonb column has personal data there. `keep`: an erasure leaves a token. */
export type SubjectRuleKind = "resource" | "path" | "keep"

export interface NewSubjectRule {
  readonly kind: SubjectRuleKind
  /** Of a path, or of what is kept: only events of this type, and of those that begin with it and a dot. */
  readonly eventType?: string | undefined
  readonly resourceType?: string | undefined
  /** The column, then its steps: `readPath` reads it from text. */
  readonly path?: readonly string[] | undefined
  readonly classification?: string | undefined
  readonly tag?: string | undefined
  /** Why: which law. Stays in the act, so no personal data. */
  readonly note?: string | undefined
}

export interface SubjectRule {
  /** seq of the act that added it: its number. */
  readonly rule: string
  readonly kind: SubjectRuleKind
  readonly event_type: string | null
  readonly resource_type: string | null
  /** As it is typed. */
  readonly path: string | null
  readonly data_classification: string | null
  readonly compliance_tag: string | null
  /** The act that removed it; null while it is in force. */
  readonly ended_act: string | null
  /** Null where this role may not read acts. */
  readonly added_at: string | null
  readonly added_by: string | null
  readonly note: string | null
}

export interface ChangedSubjectRule {
  /** Null: it was so already. */
  readonly act: string | null
  readonly rule: SubjectRule | null
}

export interface SubjectRuleFilter {
  /** Also those that were removed. */
  readonly all?: boolean | undefined
}

/** In the order in which they were added. */
export async function subjectRules(
  client: ClientBase,
  { all = false }: SubjectRuleFilter = {},
): Promise<SubjectRule[]> {
  const { rows: able } = await client.query<{ acts: string }>(
    "select has_table_privilege('pgtrail.act', 'select') as acts",
  )
  const [told, join] =
    able[0]?.acts === "t"
      ? [
          "a.recorded_at as added_at, a.session_user_name as added_by, a.parameters->>'note' as note",
          "left join pgtrail.act a on a.organization_id = 'pgtrail' and a.seq = r.act_seq",
        ]
      : ["null as added_at, null as added_by, null as note", ""]
  const { rows } = await client.query<SubjectRule>(
    `select r.act_seq as rule, r.kind, r.event_type, r.resource_type, to_json(r.path) as path, r.data_classification, r.compliance_tag,
       r.ended_seq as ended_act, ${told}
     from pgtrail.subject_rule r ${join}
     where $1 or r.ended_seq is null order by r.act_seq`,
    [all],
  )
  return rows.map((row) => ({
    ...row,
    path: row.path === null ? null : writePath(JSON.parse(row.path)),
    added_at: row.added_at === null ? null : writeTime(row.added_at),
  }))
}

/** Throws `usage`, `privilege`, `read-only`. */
export async function addSubjectRule(client: Client, rule: NewSubjectRule): Promise<ChangedSubjectRule> {
  const problem = textProblem(JSON.stringify(rule))
  if (problem !== undefined) throw new TrailError("usage", problem, { hint: "nothing was changed" })
  refuseAddress({ "--note": rule.note })
  const act = await performUnsigned(client, async () => {
    const { rows } = await client.query<{ act: string | null }>(
      "select pgtrail.add_subject_rule($1, $2, $3, $4, $5, $6, $7) as act",
      [
        rule.kind,
        rule.eventType ?? null,
        rule.resourceType ?? null,
        rule.path ?? null,
        rule.classification ?? null,
        rule.tag ?? null,
        rule.note ?? null,
      ],
    )
    return rows[0]?.act ?? null
  })
  if (act === null) return { act, rule: null }
  return { act, rule: (await subjectRules(client)).find((one) => one.rule === act) ?? null }
}

/** Throws `not-found` where no such rule is in force. */
export async function removeSubjectRule(client: Client, rule: string): Promise<ChangedSubjectRule> {
  const known = /^\d{1,18}$/.test(rule) ? await subjectRules(client, { all: true }) : []
  const found = known.find((one) => one.rule === rule)
  if (found === undefined || found.ended_act !== null) throw noRule(rule, found)
  const act = await performUnsigned(client, async () => {
    const { rows } = await client.query<{ act: string | null }>(
      "select pgtrail.remove_subject_rule($1) as act",
      [rule],
    )
    return rows[0]?.act ?? null
  })
  if (act === null) throw noRule(rule, found)
  return { act, rule: { ...found, ended_act: act } }
}

const noRule = (rule: string, found: SubjectRule | undefined): TrailError =>
  new TrailError(
    "not-found",
    found === undefined ? `there is no rule ${rule}` : `the rule ${rule} was removed already`,
    { hint: "nothing was changed; pgtrail gdpr rule list" },
  )

/** What a rule says, in a line for people. */
export function ruleWords(rule: SubjectRule): string {
  const of = rule.event_type === null ? "" : ` of type ${rule.event_type}`
  if (rule.kind === "resource") return `resources of type ${rule.resource_type} are people`
  if (rule.kind === "path") return `${rule.path} is personal in events${of}`
  const also = [
    ...(rule.data_classification === null ? [] : [`classification ${rule.data_classification}`]),
    ...(rule.compliance_tag === null ? [] : [`tag ${rule.compliance_tag}`]),
  ]
  return `an erasure leaves a token in events${of}${also.length === 0 ? "" : ` with ${also.join(" and ")}`}`
}
