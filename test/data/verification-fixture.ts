// A log that was tampered with and verified; verification show on it, and other places that still have what it was.
import { createWriteStream } from "node:fs"
import { pipeline } from "node:stream/promises"
import { from as copyFrom, to as copyTo } from "pg-copy-streams"
import type { Finding, ShownFinding, ShownVerification, ShowOptions } from "../../src/data/index.js"
import type { TestDatabase } from "../database.js"
import { type Log, sampleLog } from "./verify-fixture.js"

export interface Incident extends Log {
  /** Tampers, verifies, records, and shows what was found. */
  after(sql: string, options?: ShowOptions): Promise<ShownVerification>
  /** The only finding of that. */
  only(sql: string, options?: ShowOptions): Promise<ShownFinding>
  /** Records a verification with these findings, as `pgtrail verify` does; gives the act. */
  record(findings: readonly Partial<Finding>[], more?: object): Promise<string>
}

/** Values that a text form can lose: what looks like the form itself, numbers that a float would round, a time before our era. */
const odd = `insert into pgtrail.event (organization_id, event_type, actor_name, description, details, tags, before_state, occurred_at)
  select 'odd', 'a', E'tab\\t back\\\\slash \\\\N new\\nline \\r \\u0001 "quote"', '\\.',
    '{"a": [1.10, {"b": "}{\\"\\\\"}], "n": 9007199254740993}', array['a b', null, '', 'x"y\\z', 'null', '{,}'], '"text"',
    '0044-03-15 12:00:00+00 BC' from generate_series(1, 3)`

/** `withOdd`: an organization "odd" as well, whose events every form of a file must carry. */
export async function incidentLog({ withOdd = false } = {}): Promise<Incident> {
  const log = await sampleLog()
  if (withOdd) {
    await log.db.query(odd)
    for (const table of ["event", "chain_head"]) {
      await log.db.query(`truncate public.${table}_copy`)
      await log.db.query(`insert into public.${table}_copy select * from pgtrail.${table}`)
    }
  }
  const after = async (sql: string, options: ShowOptions = {}) => {
    await log.tamper(sql)
    const { act } = await log.trail.verify({ jobs: 1 })
    if (act === null) throw new Error("the verification was not recorded")
    return log.trail.verification({ act, ...options })
  }
  return {
    ...log,
    after,
    async only(sql, options) {
      const { findings } = await after(sql, options)
      const [finding, ...others] = findings
      if (finding === undefined || others.length > 0)
        throw new Error(
          `not one finding: ${JSON.stringify(findings.map(({ kind, message }) => [kind, message]))}`,
        )
      return finding
    },
    async record(findings, more = {}) {
      const parameters = {
        verdict: "tampered",
        requested: { organization: null, since: null, until: null },
        covered: { chains: "3", events: "180" },
        findings: findings.map((finding) => ({
          kind: "altered",
          organization_id: null,
          lane: null,
          seq: null,
          event_id: null,
          group: null,
          message: "it was altered",
          ...finding,
        })),
        findings_total: String(findings.length),
        accepted: 0,
        tool_version: "0.1.0",
        ...more,
      }
      const [row] = await log.db.query("select pgtrail.record_verification($1) as act", [
        JSON.stringify(parameters),
      ])
      return row?.act ?? ""
    },
  }
}

/** COPY text of a query, in a session with another time zone than ours. */
export async function copyToFile(db: TestDatabase, sql: string, path: string): Promise<void> {
  const client = await db.client()
  await client.query("set timezone = 'Asia/Kathmandu'")
  await pipeline(client.query(copyTo(`copy (${sql}) to stdout`)), createWriteStream(path))
  await client.end()
}

/** Puts the events of one log into another, as a restored backup has them. */
export async function copyEvents(from: TestDatabase, to: TestDatabase): Promise<void> {
  const [source, target] = [await from.client(), await to.client()]
  await target.query("set session_replication_role = replica")
  await pipeline(
    source.query(copyTo("copy (select * from pgtrail.event) to stdout")),
    target.query(copyFrom("copy pgtrail.event from stdin")),
  )
  await Promise.all([source.end(), target.end()])
}
