// Compares the control tables setting, incarnation and loss with what the acts make of them.

import { createHash } from "node:crypto"
import { record } from "../canonical.js"
import type { OpenedIncarnation, ReplayedIncarnation } from "./controls.js"
import type { Findings } from "./finding.js"
import type { LogTables } from "./log-tables.js"

export function altered(findings: Findings, message: string, evidence = ""): void {
  findings.add({ kind: "control_altered", group: "object", message, evidence: `${message} ${evidence}` })
}

/** Of anybody's making, so that a long one is cut. */
export const shown = (value: string): string =>
  JSON.stringify(value.length > 100 ? `${value.slice(0, 100)}...` : value)

/** `expected`: by name, from the acts. */
export async function checkSettings(
  tables: LogTables,
  expected: ReadonlyMap<string, string>,
  findings: Findings,
): Promise<void> {
  const rows = await tables.all<{ name: string; value: string }>("setting", ["name", "value"])
  const live = new Map(rows.map((row) => [row.name, row.value]))
  for (const [name, value] of live) {
    const wanted = expected.get(name)
    if (wanted === undefined)
      altered(findings, `pgtrail.setting has ${shown(name)}, which no act has set`, value)
    else if (wanted !== value) {
      altered(
        findings,
        `the setting ${name} is ${shown(value)} in pgtrail.setting, and ${shown(wanted)} by the acts`,
        value,
      )
    }
  }
  for (const name of expected.keys()) {
    if (!live.has(name)) altered(findings, `the setting ${shown(name)} is missing in pgtrail.setting`)
  }
}

interface LiveIncarnation {
  readonly number: string
  readonly log_id: string
  readonly reason: string
  readonly opened_at: string
  readonly act_seq: string | null
  readonly checkpoint: string | null
}

interface KnownIncarnations {
  readonly opened: readonly OpenedIncarnation[]
  /** The log's present id. */
  readonly logId: string | undefined
  /** Whether the chain of acts begins at this id. */
  fits(logId: string): boolean
}

/** All incarnations, as the acts have them; the first, which no act describes whole, as the table has it. */
export async function checkIncarnations(
  tables: LogTables,
  { opened, logId, fits }: KnownIncarnations,
  findings: Findings,
): Promise<ReplayedIncarnation[]> {
  const [log] = await tables.all<{ log_id: string; incarnation: string; created_at: string }>("log", [
    "log_id",
    "incarnation",
    "created_at",
  ])
  const rows = await tables.all<LiveIncarnation>("incarnation", [])
  const live = new Map(rows.map((row) => [row.number, row]))
  const firstId = [live.get("1")?.log_id, logId, log?.log_id].find((id) => id !== undefined && fits(id))
  const first = {
    number: "1",
    logId: firstId ?? live.get("1")?.log_id ?? logId ?? "",
    act: null,
    reason: "install",
    openedAt: log?.created_at ?? live.get("1")?.opened_at ?? "",
  }
  const all = [first, ...opened]
  for (const [at, one] of all.entries()) {
    const row = live.get(one.number)
    live.delete(one.number)
    if (at > 0 && !(Number(one.number) > Number(all[at - 1]?.number))) {
      const message = `act ${one.act} opens incarnation ${shown(one.number)}, which is not after the one before it`
      findings.add({
        kind: "act_altered",
        seq: one.act,
        message,
        evidence: `${message} ${one.logId} ${one.openedAt}`,
      })
    }
    compareIncarnation(one, row, at === 0 ? firstId !== undefined : true, findings)
  }
  for (const row of live.values()) {
    const message = `pgtrail.incarnation has incarnation ${row.number}, which no act has opened`
    altered(findings, message, JSON.stringify(row))
  }
  const last = all.at(-1) ?? first
  if (log !== undefined && (log.incarnation !== last.number || log.log_id !== last.logId)) {
    const what = log.incarnation === last.number ? "another log id" : `incarnation ${log.incarnation}`
    altered(
      findings,
      `pgtrail.log has ${what}, and by the acts it is incarnation ${last.number}`,
      JSON.stringify(log),
    )
  }
  return all.map(({ number, logId: id, act, reason, openedAt }) => ({
    number,
    logId: id,
    act,
    reason,
    openedAt,
  }))
}

function compareIncarnation(
  one: ReplayedIncarnation & { readonly checkpoint?: string | null },
  row: LiveIncarnation | undefined,
  fits: boolean,
  findings: Findings,
): void {
  const by = one.act === null ? "the installation" : `act ${one.act}`
  if (row === undefined) {
    altered(findings, `incarnation ${shown(one.number)} is missing in pgtrail.incarnation: ${by} opened it`)
    return
  }
  const differ = [
    ["log_id", row.log_id, fits ? one.logId : ""],
    ["reason", row.reason, one.reason],
    ["opened_at", row.opened_at, one.openedAt],
    ["act_seq", row.act_seq, one.act],
    ["checkpoint", row.checkpoint, one.checkpoint ?? null],
  ].filter(([, is, must]) => is !== must)
  if (differ.length === 0) return
  const names = differ.map(([name]) => name).join(", ")
  altered(
    findings,
    `incarnation ${one.number} in pgtrail.incarnation is not what ${by} opened: ${names}`,
    JSON.stringify(row),
  )
}

interface LiveLoss {
  readonly incarnation: string
  readonly organization_id: string
  readonly lane: string
  readonly kept_seq: string
  readonly lost_seq: string
  readonly hash: string
}

/** Rows of an incarnation together must have the digest of its act. */
export async function checkLosses(
  tables: LogTables,
  opened: readonly OpenedIncarnation[],
  findings: Findings,
): Promise<void> {
  const found = new Map<string, { rows: number; digest: ReturnType<typeof createHash> }>()
  for await (const row of tables.rows<LiveLoss>("loss", [])) {
    const of = found.get(row.incarnation) ?? { rows: 0, digest: createHash("sha256") }
    found.set(row.incarnation, of)
    of.rows += 1
    of.digest.update(
      record("pgtrail loss", [
        ["text", row.organization_id],
        ["smallint", row.lane],
        ["bigint", row.kept_seq],
        ["bigint", row.lost_seq],
        ["bytea", row.hash],
      ]),
    )
  }
  for (const { number, act, lanes, digest } of opened) {
    const { rows = 0, digest: live = createHash("sha256") } = found.get(number) ?? {}
    found.delete(number)
    const now = live.digest("hex")
    if (now === digest) continue
    const how =
      String(rows) === lanes ? "its digest differs from the act's" : `lanes: ${rows} instead of ${lanes}`
    altered(findings, `pgtrail.loss of incarnation ${number} is not what act ${act} recorded: ${how}`, now)
  }
  for (const [number, { rows, digest }] of found) {
    const message = `pgtrail.loss has ${rows} ${rows === 1 ? "lane" : "lanes"} of incarnation ${number}, of which no act recorded a loss`
    altered(findings, message, digest.digest("hex"))
  }
}
