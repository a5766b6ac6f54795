// A log whose subject was given a pseudonym, with a register of it, and that was restored since; and what is asked of it.
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { expect } from "vitest"
import type { PseudonymizeOptions, ReapplyOptions } from "../../src/data/index.js"
import { backup } from "./subject-backup.js"
import { pseudonymLogs, subject, values } from "./subject-pseudonym-fixture.js"

export const strategies = ["hash", "token", "encrypt"] as const
export const why = { reason: "inquiry" }

const mailOnly = "only.by@mail.example"
/** Call it beside the tests of a file. */
export function reapplyLogs() {
  /** Text that is the ID, text that mentions it, an own address that nobody typed in a tag, and an event that has the address alone. */
  const log = pseudonymLogs(({ db }) =>
    db.query(
      `insert into pgtrail.event (organization_id, occurred_at, event_type, actor_id, actor_email, session_id, description, resource_name, details, tags) values
       ('acme', '2026-02-02Z', 'a', $1, $2, 's-77', 'asked by ' || $1 || ' twice', $1, jsonb_build_object('a', jsonb_build_array($1::text, 'x ' || $1)), array['PCI', 'by:' || $2]),
       ('globex', '2026-02-03Z', 'a', null, $3, null, null, null, null, null)`,
      [subject.id, mailOnly, subject.email],
    ),
  )
  const register = () => join(log().folder, "register.jsonl")
  const lines = async () => (await readFile(register(), "utf8")).trimEnd().split("\n")
  const reapply = (options: ReapplyOptions = {}) =>
    log().trail.reapply(register(), { keys: log().keys("k1"), ...options })

  /** What anybody could know the person by, of all events. */
  const shown = () =>
    log().db.query(
      `select e.organization_id, e.lane, e.seq, e.actor_id, e.actor_name, e.actor_email, host(e.ip_address) as ip, e.session_id, e.description, e.resource_name,
       e.details::text as details from pgtrail.event e order by 1, 2, 3`,
    )

  /** Every table as text, in small letters. */
  async function leaks(): Promise<string[]> {
    const { db } = log()
    const tables = await db.query(
      `select c.oid::regclass::text as name from pg_class c where c.relnamespace = 'pgtrail'::regnamespace and c.relkind in ('r', 'p')
       and not c.relispartition order by 1`,
    )
    const found: string[] = []
    for (const { name } of tables) {
      const rows = await db.query(`select lower(normalize(t::text)) as t from ${name} t`)
      const text = rows.map(({ t }) => t?.replaceAll('""', '"').replaceAll("''", "'")).join("\n")
      found.push(
        ...[...values, mailOnly].filter((value) => text.includes(value)).map((value) => `${name}: ${value}`),
      )
    }
    return found
  }

  async function intact(): Promise<void> {
    const { findings, verdict } = await log().trail.verify({ jobs: 1, record: false })
    expect({ findings, verdict }).toEqual({ findings: [], verdict: "intact" })
  }

  /** A pseudonymization that this log, restored, knows nothing of. */
  async function restored(strategy: (typeof strategies)[number], options: Partial<PseudonymizeOptions> = {}) {
    const restore = await backup(log())
    const done = await log().pseudonymize(strategy, { register: register(), ...options })
    const before = await shown()
    await restore()
    return { done, before }
  }

  return { log, register, lines, reapply, shown, leaks, intact, restored }
}
