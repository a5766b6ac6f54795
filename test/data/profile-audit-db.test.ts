// Profile audit-db (seed 003): audit_log as an application writes and reads it.
import { afterAll, beforeAll, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"

let db: TestDatabase
beforeAll(async () => {
  db = await testDatabase()
  await (await db.trail()).installProfile("audit-db", { organization: "acme" })
})
afterAll(() => db.drop())

const refusal = (sql: string): Promise<Record<string, unknown>> =>
  db.query(sql).then(
    () => ({}),
    (error: unknown) => error as Record<string, unknown>,
  )

/** The ER diagram of the seed; facts, not choices. */
const tables: Readonly<Record<string, string>> = {
  audit_log: `id timestamp ttl principal_id organization_id action target_resource_type target_resource_id status outcome_description hash
    hash_algorithm event_version correlation_id data_classification retention_policy processing_latency archived_at details`,
  audit_preset: `id name description organization_id action data_classification required_fields default_values validation created_at
    created_by updated_at updated_by`,
  audit_integrity_log: `id audit_log_id verification_timestamp verification_status verification_details verified_by hash_verified
    expected_hash`,
  audit_retention_policy: `id policy_name retention_days archive_after_days delete_after_days data_classification description is_active
    created_at updated_at created_by`,
  error_log: `id category severity code message component operation correlation_id user_id session_id request_id retryable
    aggregation_key context troubleshooting timestamp created_at`,
  error_aggregation: `aggregation_key category severity count error_rate trend first_occurrence last_occurrence affected_components
    affected_users samples updated_at`,
  archive_storage: "id metadata data created_at retrieved_count last_retrieved_at",
  alerts: `id organization_id severity type title description source correlation_id metadata acknowledged acknowledged_at
    acknowledged_by resolved resolved_at resolved_by resolution_notes created_at updated_at`,
  scheduled_reports: `id name description organization_id template_id report_type criteria format schedule delivery export enabled
    last_run next_run created_at created_by updated_at updated_by`,
  report_templates: `id name description organization_id report_type default_criteria default_format default_export_config tags
    is_active created_at created_by updated_at updated_by`,
  report_executions: `id report_config_id organization_id scheduled_time execution_time status duration records_processed export_result
    integrity_report delivery_attempts error created_at`,
  archive_dlq_event: `id timestamp action failure_reason failure_count first_failure_time last_failure_time original_job_id
    original_queue_name original_event metadata`,
  config_change_event: `id timestamp field previous_value new_value changed_by reason environment previous_version new_version`,
  pseudonym_mapping: "id timestamp pseudonym_id original_id",
  organization_role: "organization_id name description permissions inherits",
}

test("has the fifteen tables of the seed, their columns in order", async () => {
  for (const [table, columns] of Object.entries(tables)) {
    const rows = await db.query(
      "select column_name as name from information_schema.columns where table_schema = 'public' and table_name = $1 order by ordinal_position",
      [table],
    )
    expect(rows.map((row) => row.name).join(" "), table).toBe(columns.split(/\s+/).join(" "))
  }
  const [id] = await db.query(
    "select data_type from information_schema.columns where table_name = 'audit_log' and column_name = 'id'",
  )
  expect(id?.data_type).toBe("integer")
})

test("fills in what an INSERT leaves out, and gives numbers in order", async () => {
  const rows =
    await db.query(`insert into audit_log (timestamp, principal_id, organization_id, action, status)
    values ('2026-11-20T10:00:00.123456Z', 'u1', 'org-1', 'user.login', 'success'), ('2026-11-20T11:00:00Z', 'u1', 'org-1', 'user.logout', 'attempt')
    returning id`)
  expect(rows.map((row) => row.id)).toEqual(["1", "2"])
  const [row] = await db.query(
    "select l.*, l.timestamp at time zone 'UTC' as utc from audit_log l where id = 1",
  )
  expect(row).toMatchObject({
    utc: "2026-11-20 10:00:00.123456",
    ttl: null,
    hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    hash_algorithm: "SHA-256",
    event_version: "1.0",
    retention_policy: "standard",
    data_classification: null,
    archived_at: null,
    details: null,
  })
  const [event] = await db.query(
    "select encode(hash, 'hex') as hash, source, event_type, action, outcome from pgtrail.event where external_number = 1",
  )
  expect(event).toEqual({
    hash: row?.hash,
    source: "audit-db",
    event_type: "user.login",
    action: "user.login",
    outcome: "success",
  })
})

test("gives back exactly what was written", async () => {
  const columns = tables.audit_log?.split(/\s+/) ?? []
  const written = [
    {
      id: "1001",
      timestamp: "2026-11-20 10:00:00+00",
      ttl: "30d",
      principal_id: "p".repeat(255),
      organization_id: "org-2",
      action: "a".repeat(255),
      target_resource_type: "t".repeat(255),
      target_resource_id: "r".repeat(255),
      status: "failure",
      outcome_description: "no\nreason",
      hash: "ab".repeat(32),
      hash_algorithm: "SHA-512",
      event_version: "2.0",
      correlation_id: "c".repeat(255),
      data_classification: "phi",
      retention_policy: "p".repeat(50),
      processing_latency: "17",
      archived_at: "2026-11-21 01:02:03.5+00",
      details: '{"a": 1, "ttl": "own", "hash": null}',
    },
    {
      id: "1002",
      details: '{"ttl": "mine", "pgtrail_kept": ["ttl"]}',
      hash: "00",
      hash_algorithm: null,
      event_version: null,
      retention_policy: null,
    },
    {
      id: "1003",
      details: "null",
      ttl: "1h",
      hash: "00",
      hash_algorithm: "SHA-256",
      event_version: "1.0",
      retention_policy: "standard",
    },
    {
      id: "1004",
      details: "[1, 2]",
      hash: "00",
      hash_algorithm: "SHA-256",
      event_version: "1.0",
      retention_policy: "standard",
    },
    {
      id: "1005",
      ttl: "1h",
      hash: "00",
      hash_algorithm: "SHA-256",
      event_version: "1.0",
      retention_policy: "standard",
      details: null,
    },
    {
      id: "1006",
      ttl: "1h",
      hash: "00",
      hash_algorithm: "SHA-256",
      event_version: "1.0",
      retention_policy: "standard",
      details: '{"k": {"ttl": 1}}',
    },
  ].map(
    (row) =>
      ({
        timestamp: "2026-11-20 10:00:00+00",
        organization_id: "org-2",
        action: "x",
        status: "success",
        ...row,
      }) as Record<string, string | null>,
  )
  await db.query("set timezone = 'UTC'")
  for (const row of written) {
    await db.query(
      `insert into audit_log (${columns.join(", ")}) values (${columns.map((_, n) => `$${n + 1}`).join(", ")})`,
      columns.map((name) => row[name] ?? null),
    )
    const [read] = await db.query("select * from audit_log where id = $1", [row.id])
    expect(read).toEqual(Object.fromEntries(columns.map((name) => [name, row[name] ?? null])))
  }
})

test("refuses what the seed's columns refuse, and writes nothing of the statement", async () => {
  const [before] = await db.query("select count(*) as n from pgtrail.event")
  for (const [column, value, code] of [
    ["ttl", "x".repeat(256), "22001"],
    ["principal_id", "x".repeat(256), "22001"],
    ["action", "x".repeat(256), "22001"],
    ["hash", "x".repeat(65), "22001"],
    ["event_version", "x".repeat(21), "22001"],
    ["retention_policy", "x".repeat(51), "22001"],
    ["status", "denied", "23514"],
    ["data_classification", "SECRET", "23514"],
    ["action", null, "23502"],
    ["status", null, "23502"],
    ["id", null, "23502"],
  ] as const) {
    const bad = { organization_id: "org-3", action: "x", status: "success", [column]: value } as Record<
      string,
      string | null
    >
    const text = (row: Record<string, string | null>) =>
      Object.values(row)
        .map((cell) => (cell === null ? "null" : `'${cell}'`))
        .join(", ")
    const names = Object.keys(bad)
    const good = Object.fromEntries(
      names.map((name) => [
        name,
        bad[name] === value && name === column
          ? name === "id"
            ? "77"
            : name === "status"
              ? "success"
              : name === "data_classification"
                ? "PHI"
                : "x"
          : (bad[name] ?? null),
      ]),
    )
    const error = await refusal(
      `insert into audit_log (${names.join(", ")}) values (${text(good)}), (${text(bad)})`,
    )
    expect(error, column).toMatchObject({ code, column })
    if (value !== null) expect(String(error.message)).not.toContain(value)
  }
  expect(await db.query("select count(*) as n from pgtrail.event")).toEqual([before])
  for (const sql of ["update audit_log set action = 'y'", "delete from audit_log where id = -1"]) {
    expect(await refusal(sql)).toMatchObject({ code: "42501" })
  }
})

test("a row of no organization is one of the profile's own", async () => {
  await db.query("insert into audit_log (id, action, status) values (2001, 'system.start', 'success')")
  expect(await db.query("select organization_id from audit_log where id = 2001")).toEqual([
    { organization_id: "acme" },
  ])
})
