// Replays which roles read one organization alone, and compares the control table organization_reader with it.
import { word } from "../act/about.js"
import { shown } from "./control-tables.js"
import type { Findings } from "./finding.js"
import type { LogTables } from "./log-tables.js"

/** Role and organization, as one key: neither may contain the other's bytes. */
const keyOf = (role: string, organization: string): string => JSON.stringify([role, organization])

export class Bindings {
  readonly #bound = new Set<string>()

  /** An act that names no organization binds nobody: it is about all. */
  add(kind: "grant" | "revoke", given: Readonly<Record<string, unknown>>): void {
    if (given.right !== "reader" || typeof given.organization !== "string") return
    const key = keyOf(word(given.role), given.organization)
    if (kind === "grant") this.#bound.add(key)
    else this.#bound.delete(key)
  }

  async check(tables: LogTables, findings: Findings): Promise<void> {
    // A log of an earlier version has no such table, and no such acts: those that it may have freed all again.
    if (!(await tables.has("organization_reader"))) return
    const rows = await tables.all<{ role_name: string; organization_id: string }>("organization_reader", [
      "role_name",
      "organization_id",
    ])
    const wanted = new Set(this.#bound)
    for (const { role_name: role, organization_id: organization } of rows) {
      if (wanted.delete(keyOf(role, organization))) continue
      altered(
        findings,
        `pgtrail.organization_reader binds the role ${shown(role)} to the organization ${shown(organization)}, and no act did`,
        keyOf(role, organization),
      )
    }
    for (const key of wanted) {
      const [role = "", organization = ""] = JSON.parse(key) as string[]
      altered(
        findings,
        `pgtrail.organization_reader has lost the binding of the role ${shown(role)} to the organization ${shown(organization)}`,
        key,
      )
    }
  }
}

function altered(findings: Findings, message: string, evidence: string): void {
  findings.add({ kind: "control_altered", group: "object", message, evidence: `${message} ${evidence}` })
}
