// Replays the rules of retention, each version of a policy or a floor, and compares the control table with them.
import { word } from "../act/about.js"
import { microseconds } from "../binary.js"
import { altered, shown } from "./control-tables.js"
import type { Findings } from "./finding.js"
import type { LogTables } from "./log-tables.js"

/** As text, in the order of the table's columns. */
export interface Rule {
  readonly act_seq: string
  readonly kind: "policy" | "floor"
  readonly name: string
  readonly organization_id: string | null
  readonly data_classification: string | null
  readonly event_type: string | null
  readonly compliance_tag: string | null
  readonly keep_days: string
  readonly archive_after_days: string | null
  readonly counts_from: string
  readonly counts_until: string
  readonly ended_seq: string | null
}

/** The policy that pgtrail brings. */
const standard: Rule = {
  act_seq: "0",
  kind: "policy",
  name: "standard",
  organization_id: null,
  data_classification: null,
  event_type: null,
  compliance_tag: null,
  keep_days: "2555",
  archive_after_days: null,
  counts_from: "-infinity",
  counts_until: "infinity",
  ended_seq: null,
}

const columns = Object.keys(standard)
const rowOf = (rule: Rule): string => JSON.stringify(Object.values(rule))

/** When a rule counted: from a time on, and before another. */
interface Version {
  readonly rule: Rule
  readonly from: bigint
  readonly until: bigint
}

const versionOf = (rule: Rule): Version => ({
  rule,
  from: microseconds(rule.counts_from),
  until: microseconds(rule.counts_until),
})

const text = (value: unknown): string | null => (typeof value === "string" ? value : null)
const days = (value: unknown): string | undefined =>
  /^[1-9]\d{0,4}$/.test(word(value)) ? word(value) : undefined

export class RetentionRules {
  #versions: Version[] = [versionOf(standard)]

  /** A log whose migration was taken back has no rules any more, and begins anew where it is applied again. */
  reset(): void {
    this.#versions = [versionOf(standard)]
  }

  /** An act that names no kind, no name or no period makes nothing. */
  add(seq: string, recordedAt: string, given: Readonly<Record<string, unknown>>): void {
    const kind = given.rule
    const name = text(given.name)
    const keep = days(given.keep)
    if ((kind !== "policy" && kind !== "floor") || name === null) return
    if (keep === undefined && given.keep !== null) return
    const from = given.confirmed === true ? "-infinity" : recordedAt
    this.#versions = this.#versions.map((version) => {
      const { rule } = version
      const isOver = rule.ended_seq !== null && given.confirmed !== true
      if (rule.kind !== kind || rule.name !== name || isOver) return version
      return versionOf({ ...rule, counts_until: from, ended_seq: rule.ended_seq ?? seq })
    })
    if (keep === undefined) return
    this.#versions.push(
      versionOf({
        act_seq: seq,
        kind,
        name,
        organization_id: text(given.organization),
        data_classification: text(given.classification),
        event_type: text(given.type),
        compliance_tag: text(given.tag),
        keep_days: keep,
        archive_after_days: days(given.archive_after) ?? null,
        counts_from: from,
        counts_until: "infinity",
        ended_seq: null,
      }),
    )
  }

  /** Those that count from `since` to `until`, both included; microseconds since 2000. */
  inForce(kind: Rule["kind"], since: bigint, until = since): Rule[] {
    return this.#versions
      .filter((one) => one.rule.kind === kind && one.from <= since && until < one.until)
      .map(({ rule }) => rule)
  }

  /** When rules began to count, after `since` and up to `until`. */
  changes(since: bigint, until: bigint): bigint[] {
    return this.#versions.map(({ from }) => from).filter((from) => since < from && from <= until)
  }

  async check(tables: LogTables, findings: Findings): Promise<void> {
    if (!(await tables.has("retention_rule"))) return
    const rows = await tables.all<Rule>("retention_rule", columns)
    const wanted = new Map(this.#versions.map(({ rule }) => [rule.act_seq, rule]))
    for (const row of rows) {
      const rule = wanted.get(row.act_seq)
      wanted.delete(row.act_seq)
      const what = `the ${row.kind} ${shown(row.name)} of act ${row.act_seq}`
      if (rule === undefined) {
        altered(findings, `pgtrail.retention_rule has ${what}, which no act has set`, rowOf(row))
      } else if (rowOf(row) !== rowOf(rule)) {
        const differ = columns.filter((name) => row[name as keyof Rule] !== rule[name as keyof Rule])
        altered(
          findings,
          `${what} in pgtrail.retention_rule is not what the acts made of it: ${differ.join(", ")}`,
          rowOf(row),
        )
      }
    }
    for (const { kind, name, act_seq } of wanted.values()) {
      altered(findings, `pgtrail.retention_rule has lost the ${kind} ${shown(name)} of act ${act_seq}`)
    }
  }
}
