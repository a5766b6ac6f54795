// Whether people's requests are answered in time: one that is late must not go unseen.
import type { ClientBase } from "pg"
import { writeTime } from "../query/columns.js"
import { isLate } from "../subject/request-late.js"
import { plural } from "../words.js"
import { type Check, measured, type Thresholds } from "./checks.js"

const table = "to_regclass('pgtrail.subject_request')"

/** None where an older log has no register: that a migration is pending is told. */
export async function requestChecks(client: ClientBase, thresholds: Thresholds): Promise<Check[]> {
  const { rows: able } = await client.query<Record<"there" | "reads", string>>(
    `select ${table} is not null as there, coalesce(has_table_privilege(${table}, 'select'), false) as reads`,
  )
  if (able[0]?.there !== "t") return []
  if (able[0].reads !== "t")
    return [measured("requests", null, "this role may not read the register of requests", thresholds)]
  const { rows } = await client.query<Record<"open" | "late" | "soon" | "next", string | null>>(
    `select count(*) as open, count(*) filter (where ${isLate}) as late,
       count(*) filter (where not ${isLate} and r.due_at < now() + interval '7 days') as soon, min(r.due_at) as next
     from pgtrail.subject_request r where r.closed_at is null`,
  )
  const { open = "0", late = "0", soon = "0", next = null } = rows[0] ?? {}
  const words =
    open === "0"
      ? "none is open"
      : `${plural(open ?? "0", "request")} open, ${late} late, ${soon} due within 7 days, the first due ${(writeTime(next) ?? "").slice(0, 10)}: pgtrail gdpr request list`
  const restricted = await restrictedWords(client)
  return [measured("requests", Number(late) + Number(soon), `${words}${restricted}`, thresholds)]
}

/** Nothing else tells how many are in force; said only where some are, to who may know. */
async function restrictedWords(client: ClientBase): Promise<string> {
  const { rows: able } = await client.query<{ reads: string }>(
    "select coalesce(has_table_privilege(to_regclass('pgtrail.subject_restriction'), 'select'), false) as reads",
  )
  if (able[0]?.reads !== "t") return ""
  const { rows } = await client.query<{ count: string }>(
    "select count(distinct r.act_seq) as count from pgtrail.subject_restriction r",
  )
  const count = rows[0]?.count ?? "0"
  return count === "0" ? "" : `; ${plural(count, "restriction")} in force`
}
