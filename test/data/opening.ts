// pgtrail.open_incarnation called as SQL, and the signed note of a checkpoint for it; nobody's key made its signature.
import { createHash } from "node:crypto"
import type { TestDatabase, TextRow } from "../database.js"

interface Note {
  readonly incarnation?: number
  /** SQL. */
  readonly time?: string
  readonly act?: string
}

const signature = `\\u2014 test ${Buffer.alloc(68).toString("base64")}`
const hash = `${"A".repeat(43)}=`

/** An expression for the note of this log at `time`, with an act that the log never had. */
export function noteSql({ incarnation = 1, time = "now()", act = `999999 ${hash}` }: Note = {}): string {
  const form = `pgtrail/%s/${incarnation}\\n1000000\\n${hash}\\nlanes 1000\\nact ${act}\\ntime %s\\n\\n${signature}\\n`
  const clock = `to_char((${time}) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
  return `(select format(e'${form}', l.log_id, ${clock}) from pgtrail.log l)`
}

export interface Opening {
  readonly reason?: string | null
  /** What is made of the note of this log at that time. */
  readonly checkpoint?: (note: string) => string | null
  /** Of the checkpoint's incarnation. */
  readonly number?: number
  /** organization, lane, lost seq, hash. */
  readonly lost?: readonly (readonly (string | null)[])[]
  readonly time?: string | null
}

export const hashOf = (text: string): string => `\\x${createHash("sha256").update(text).digest("hex")}`

export async function clockOf(db: TestDatabase): Promise<string> {
  return (await db.query("select clock_timestamp() as now"))[0]?.now ?? ""
}

export async function noteAt(db: TestDatabase, time: string | null, incarnation = 1): Promise<string> {
  const finite = time === null || time === "infinity" ? "now()" : `'${time}'::timestamptz`
  return (await db.query(`select ${noteSql({ incarnation, time: finite })} as note`))[0]?.note ?? ""
}

export async function openWith(db: TestDatabase, opening: Opening = {}): Promise<TextRow> {
  const { reason = "restore", checkpoint = (note) => note, number = 1, lost = [], time } = opening
  const column = (at: number) => lost.map((row) => row[at] ?? null)
  const at = time === undefined ? await clockOf(db) : time
  const rows = await db.query(
    "select * from pgtrail.open_incarnation($1, $2, $3::text[], $4::smallint[], $5::bigint[], $6::text[]::bytea[], $7)",
    [reason, checkpoint(await noteAt(db, at, number)), column(0), column(1), column(2), column(3), at],
  )
  return rows[0] ?? {}
}
