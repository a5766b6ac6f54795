// A log for redactions by SQL: an organization for each test, ann and her event, and what must hold afterwards.
import { expect } from "vitest"
import { findBreaks } from "../checker.js"
import { type TestDatabase, type TextRow, testDatabase } from "../database.js"
import { checkRedactions } from "./redact-checker.js"
import { append, type Subject } from "./redact-fixture.js"

export type Columns = Readonly<Record<string, unknown>>
export const json = (value: unknown): string => JSON.stringify(value)

export const ann: Subject = [
  ["id", "ann-1"],
  ["email", "Ann@X.org"],
  ["name", "Ann O'Hara"],
]
/** Every column that a redaction may touch, and some that it must not. */
export const hers = {
  actor_id: "ann-1",
  actor_name: "Ann O'Hara",
  actor_email: "ann@x.org",
  ip_address: "10.0.0.1",
  user_agent: "curl",
  session_id: "s",
  device_id: "d",
  resource_id: "ann-1",
  resource_name: "of ann-1",
  namespace: "kept",
  description: "ANN@x.org wrote",
  tags: ["kept", "ann-1", "for ann-1"],
  details: json({ kept: 1.5, who: "ann-1", deep: [{ to: "to Ann O'Hara" }], checksum: "c" }),
  signature: "sig",
}

export interface RedactLog {
  readonly db: TestDatabase
  /** A name that no other test has. */
  another(): string
  appendTo(organization: string, events: readonly Columns[]): Promise<void>
  events(organization: string, columns?: string): Promise<TextRow[]>
  entries(organization: string): Promise<TextRow[]>
  /** All that was redacted is recorded, and every chain is whole. */
  isSound(): Promise<void>
}

export async function redactLog(): Promise<RedactLog> {
  const db = await testDatabase()
  await db.query("select pgtrail.set_setting('retention-grace', '0d')")
  let organizations = 0
  return {
    db,
    another() {
      organizations += 1
      return `o${organizations}`
    },
    async appendTo(organization, events) {
      for (const event of events)
        await append(db, { organization_id: organization, event_type: "a", ...event })
    },
    events: (organization, columns = "*") =>
      db.query(`select ${columns} from pgtrail.event where organization_id = $1 order by seq`, [
        organization,
      ]),
    entries: (organization) =>
      db.query(
        "select seq, group_name, number, fields from pgtrail.redaction_entry where organization_id = $1 order by seq, group_name, number",
        [organization],
      ),
    async isSound() {
      expect((await checkRedactions(db)).breaks).toEqual([])
      expect(await findBreaks(db)).toEqual([])
    },
  }
}
