// Replays what is personal by rule and who is restricted, and compares the control tables with it. A restriction names a person: acts have its digest alone.
import { createHash, type Hash } from "node:crypto"
import { word } from "../act/about.js"
import { record, type TextRow } from "../canonical.js"
import { elementsOf } from "../redaction/entry.js"
import { altered } from "./control-tables.js"
import type { Findings } from "./finding.js"
import type { LogTables } from "./log-tables.js"
import type { RedactAct } from "./redactions.js"

/** Kinds of acts that it replays, beside those that are destructive. */
export const subjectKinds: readonly string[] = ["subject_rule", "restrict", "unrestrict"]

/** The migration that made the tables; taken back, it takes them along. */
const migration = "0007_people"

type Parameters = Readonly<Record<string, unknown>>

/** A row of pgtrail.subject_rule as texts, but for the act that ended it. */
const ruleColumns = [
  ["kind", "kind"],
  ["event_type", "event_type"],
  ["resource_type", "resource_type"],
  ["path", "path"],
  ["data_classification", "classification"],
  ["compliance_tag", "tag"],
] as const

interface Rule {
  /** JSON of what its act says, column by column. */
  readonly says: string
  readonly ended: string | null
}

export class Subjects {
  readonly #rules = new Map<string, Rule>()
  /** Digest of the act of each restriction in force; hex. */
  readonly #restrictions = new Map<string, string>()
  #redacted: RedactAct | null = null

  /** The newest act of a redaction. */
  get redacted(): RedactAct | null {
    return this.#redacted
  }

  migrateDown(migrations: readonly unknown[]): void {
    if (!migrations.includes(migration)) return
    this.#rules.clear()
    this.#restrictions.clear()
    this.#redacted = null
  }

  add(kind: string, seq: string, act: TextRow, given: Parameters): void {
    const digest = act.digest?.slice(2) ?? ""
    if (kind === "redact") this.#redacted = { seq, digest }
    else if (kind === "restrict") this.#restrictions.set(seq, digest)
    else if (kind === "unrestrict") this.#restrictions.delete(word(given.restriction))
    else if (kind === "subject_rule") this.#rule(seq, given)
  }

  #rule(seq: string, given: Parameters): void {
    if (given.step === "add") {
      const says = ruleColumns.map(([, parameter]) => {
        const value = given[parameter]
        if (parameter === "path") return Array.isArray(value) ? value.map(word) : null
        return value === undefined || value === null ? null : word(value)
      })
      this.#rules.set(seq, { says: JSON.stringify(says), ended: null })
    } else if (given.step === "remove") {
      const rule = this.#rules.get(word(given.rule))
      if (rule?.ended === null) this.#rules.set(word(given.rule), { ...rule, ended: seq })
    }
  }

  async check(tables: LogTables, findings: Findings): Promise<void> {
    if (!(await tables.has("subject_rule"))) return
    await this.#checkRules(tables, findings)
    await this.#checkRestrictions(tables, findings)
  }

  async #checkRules(tables: LogTables, findings: Findings): Promise<void> {
    const columns = ruleColumns.map(([column]) => column)
    const rows = await tables.all("subject_rule", ["act_seq", ...columns, "ended_seq"])
    const wanted = new Map(this.#rules)
    for (const row of rows) {
      const seq = row.act_seq ?? ""
      const rule = wanted.get(seq)
      wanted.delete(seq)
      const says = JSON.stringify(
        columns.map((column) => {
          const value = row[column] ?? null
          return column === "path" && value !== null ? elementsOf(value) : value
        }),
      )
      const ended = row.ended_seq ?? null
      const evidence = `${says} ${ended}`
      if (rule === undefined) {
        altered(findings, `pgtrail.subject_rule has the rule of act ${seq}, which no act has added`, evidence)
      } else if (rule.says !== says) {
        altered(
          findings,
          `the rule of act ${seq} in pgtrail.subject_rule is not the one that it added`,
          evidence,
        )
      } else if (rule.ended !== ended) {
        const how = (by: string | null) => (by === null ? "in force" : `removed by act ${by}`)
        const message = `the rule of act ${seq} is ${how(ended)} in pgtrail.subject_rule, and ${how(rule.ended)} by the acts`
        altered(findings, message, evidence)
      }
    }
    for (const seq of wanted.keys()) {
      altered(findings, `pgtrail.subject_rule has lost the rule of act ${seq}`)
    }
  }

  async #checkRestrictions(tables: LogTables, findings: Findings): Promise<void> {
    const columns = ["act_seq", "salt", "organization_id", "kind", "value"]
    const found = new Map<string, Hash>()
    for await (const row of tables.rows("subject_restriction", columns)) {
      const seq = row.act_seq ?? ""
      const digest = found.get(seq) ?? createHash("sha256")
      found.set(seq, digest)
      digest.update(
        record("pgtrail restriction", [
          ["uuid", row.salt ?? null],
          ["text", row.organization_id ?? null],
          ["text", row.kind ?? null],
          ["text", row.value ?? null],
        ]),
      )
    }
    for (const [seq, wanted] of this.#restrictions) {
      const digest = found.get(seq)
      found.delete(seq)
      const now = (digest ?? createHash("sha256")).digest("hex")
      if (now === wanted) continue
      const how = digest === undefined ? "it has no row" : "its digest differs from the act's"
      altered(
        findings,
        `the restriction of act ${seq} in pgtrail.subject_restriction is not the one that was placed: ${how}`,
        now,
      )
    }
    for (const [seq, digest] of found) {
      altered(
        findings,
        `pgtrail.subject_restriction has rows of act ${seq}, which placed no restriction that is in force`,
        digest.digest("hex"),
      )
    }
  }
}
