// A small log with several organizations, lanes and months; tampering as superuser past all triggers, and taking it back.
import type { Finding, Trail, VerifyReport } from "../../src/data/index.js"
import { type TestDatabase, testDatabase } from "../database.js"

export interface Log {
  readonly db: TestDatabase
  readonly trail: Trail
  /** Runs SQL as superuser with every trigger off. */
  tamper(sql: string): Promise<void>
  verify(): Promise<VerifyReport>
  restore(): Promise<void>
  /** What restore() brings back is from now on what stands there now. */
  keep(): Promise<void>
}

const tables = [
  "event",
  "chain_head",
  "act",
  "verified_head",
  "catalog_object",
  "log",
  "incarnation",
  "loss",
  "act_signature",
  "setting",
  "purge",
]

/** Organizations acme (standard and short retention: two lanes), globex, initech; 60 events each, over the months around now. */
export async function sampleLog(options: { own?: boolean } = {}): Promise<Log> {
  // Databases from the template are copies of one log: they share its id.
  const db = await testDatabase({ empty: options.own === true })
  const trail = await db.trail()
  if (options.own === true) await trail.install()
  for (const organization of ["acme", "globex", "initech"]) {
    await db.query(
      `insert into pgtrail.event (organization_id, occurred_at, event_type, retention_policy, actor_id, actor_name, actor_email,
          ip_address, user_agent, session_id, device_id, resource_type, resource_id, resource_name, namespace, description,
          error_message, request_path, request_id, correlation_id, request_params, before_state, after_state, details, tags,
          signature, external_id, external_number, source, project_id, category, action, status_code, actor_type, actor_role,
          request_method, data_classification, data_size_bytes, compliance_tags, event_version, processing_latency_ms)
       select $1, date_trunc('month', now()) + i * interval '1 day' - interval '10 days', 'document.read',
          case when $1 = 'acme' and i % 3 = 0 then 'short' else 'standard' end,
          'user-' || i, 'Ada ' || i, 'ada' || i || '@example.org', '10.0.0.1', 'curl', 's-' || i, 'd-' || i, 'document', 'doc-' || i,
          'Plan', 'ns', 'read it', 'none', '/doc', 'r-' || i, 'c-' || i, '{"a": 1}', '{"b": 1.10}', '{"b": 2}',
          '{"n": 9007199254740993}', array['x', null], 'sig', 'e-' || i, i, 'test', 'p', 'data', 'read', 200, 'user', 'admin',
          'GET', 'INTERNAL', 12, array['PCI'], '1.0', 3
       from generate_series(1, 60) i`,
      [organization],
    )
  }
  const keep = async () => {
    for (const table of tables) {
      await db.query(
        `drop table if exists public.${table}_copy; create table public.${table}_copy as select * from pgtrail.${table}`,
      )
    }
  }
  await keep()
  const tamper = async (sql: string) => {
    await db.query("set session_replication_role = replica")
    try {
      await db.query(sql)
    } finally {
      await db.query("set session_replication_role = origin")
    }
  }
  return {
    db,
    trail,
    tamper,
    keep,
    verify: () => trail.verify({ jobs: 1, record: false }),
    // DELETE: after TRUNCATE every session reads the catalogs of all these tables and indexes anew.
    restore: () =>
      tamper(
        tables
          .map(
            (table) =>
              `delete from pgtrail.${table}; insert into pgtrail.${table} select * from public.${table}_copy;`,
          )
          .join("\n"),
      ),
  }
}

/** `kind organization/lane/seq`, sorted: the part of findings that tests compare. */
export function places(findings: readonly Finding[]): string[] {
  return findings.map((f) => `${f.kind} ${f.organization_id ?? "-"}/${f.lane ?? "-"}/${f.seq ?? "-"}`).sort()
}
