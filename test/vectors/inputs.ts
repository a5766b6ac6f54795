// What the events of the test vectors are made of, as somebody would type it in SQL; PostgreSQL makes the rest (make.ts).

export interface EventInput {
  readonly name: string
  /** Default acme. */
  readonly organization?: string
  /** Default 0. */
  readonly lane?: number
  /** Columns that are not null, beside those that every event needs. */
  readonly values: Readonly<Record<string, string>>
  /** Redacted after it was hashed: what the columns of the group then have. */
  readonly identity?: Readonly<Record<string, string>>
  readonly content?: Readonly<Record<string, string>>
}

export const logId = "6f1c3e52-0d0b-4b3a-9a51-7c2f7ce0a001"

/** The columns that take any text. */
const textColumns = (
  "actor_id actor_name actor_email user_agent session_id device_id resource_id resource_name namespace description " +
  "error_message request_path request_id correlation_id signature external_id source project_id category action " +
  "actor_type actor_role resource_type request_method event_version"
).split(" ")

const everyText = (text: string): Record<string, string> =>
  Object.fromEntries(textColumns.map((column) => [column, text]))

const allSet: Readonly<Record<string, string>> = {
  external_id: "evt_8842",
  external_number: "8842",
  source: "cloudtrail",
  project_id: "billing",
  event_type: "auth.login.failed",
  category: "auth",
  action: "login",
  severity: "warning",
  outcome: "denied",
  status_code: "403",
  actor_type: "user",
  actor_role: "admin",
  resource_type: "account",
  request_method: "POST",
  data_classification: "CONFIDENTIAL",
  data_size_bytes: "1234567890123",
  retention_policy: "seven-years",
  compliance_tags: "{PCI,HIPAA}",
  event_version: "2.1",
  processing_latency_ms: "17",
  actor_id: "user-17",
  actor_name: "Ada Lovelace",
  actor_email: "ada@example.org",
  ip_address: "198.51.100.7",
  user_agent: "Mozilla/5.0",
  session_id: "s-1",
  device_id: "d-1",
  resource_id: "account-9",
  resource_name: "Savings",
  namespace: "eu",
  description: "wrong password",
  error_message: "invalid credentials",
  request_path: "/login?next=%2F",
  request_id: "req-1",
  correlation_id: "cor-1",
  request_params: '{"next": "/"}',
  before_state: '{"tries": 2}',
  after_state: '{"tries": 3}',
  details: '{"rule": "lockout", "limit": 3}',
  tags: "{login,failed}",
  signature: "ed25519:AAAA",
}

const hostile = `'"\\ \t\r\n\b\f\u0001\u001f\u007f; drop table x;-- \\N \\x00 {NULL} %s $1 \${x} <b>&amp;</b>`
const unicode = "é e\u0301 € ﬁ Ω \u{1d4b3} 👩‍💻 \u202e\u200b\ufeff\uffff\u{10ffff}"
const numbers =
  "[9007199254740993, 1.10, 1.1, -0, -0.0, 0.0, 1e400, 1E-20, 1e2, 12345678901234567890.0123456789, -1.5e-7]"
const deep = `${'{"a":['.repeat(100)}1.0${"]}".repeat(100)}`
const keys =
  '{"b": 1, "aa": 2, "a": 3, "b": 4, "é": 5, "Z": 6, "": 7, "\\ud835\\udcb3": 8, "zz": {"y": 1, "x": 2}}'
const escapes = String.raw`{"t": "\" \\ \/ \b \f \n \r \t \u0001 \u001f \u007f \u00e9 \u2028 \ud83d\ude00 <>&'"}`

/** In the order of the log. Times are those of the events; recorded_at and salts follow from the number of the event. */
export const inputs: readonly EventInput[] = [
  { name: "nothing but what every event needs", values: {} },
  { name: "every column set", values: allSet },
  {
    name: "empty is not null",
    values: { ...everyText(""), retention_policy: "", tags: "{}", compliance_tags: "{}", details: "{}" },
  },
  { name: "hostile text", values: { ...everyText(hostile), event_type: hostile, retention_policy: hostile } },
  { name: "text of four bytes a character", values: { ...everyText(unicode), event_type: unicode } },
  { name: "the text NULL", values: { ...everyText("NULL"), tags: '{NULL,"NULL","null"}' } },
  { name: "json numbers keep their digits", values: { details: numbers } },
  { name: "json nested 200 deep", values: { details: deep } },
  { name: "json keys: order and duplicates", values: { details: keys } },
  { name: "json escapes", values: { details: escapes } },
  {
    name: "json that is no object",
    values: { request_params: "null", before_state: '"text"', after_state: "[ ]", details: " true " },
  },
  { name: "IPv4 with a prefix keeps its host bits", values: { ip_address: "10.1.2.3/8" } },
  { name: "IPv4 of a network of all", values: { ip_address: "0.0.0.0/0" } },
  { name: "IPv6", values: { ip_address: "2001:db8:0:1::ab" } },
  { name: "IPv6 with a prefix", values: { ip_address: "2001:db8::/32" } },
  { name: "IPv4 in IPv6", values: { ip_address: "::ffff:192.0.2.128/96" } },
  { name: "IPv6 of nothing but zeros", values: { ip_address: "::" } },
  {
    name: "arrays that need quotes",
    values: { tags: String.raw`{"", " ", "a,b", "{}", "\"", "\\", "é\n", plain, NULL}` },
  },
  {
    name: "arrays of two dimensions",
    values: { tags: "{{a,NULL},{NULL,b},{c,d}}", compliance_tags: "{{{x}}}" },
  },
  {
    name: "arrays with bounds",
    values: { tags: "[0:2]={a,b,c}", compliance_tags: "[-2:-1][5:6]={{a,b},{c,NULL}}" },
  },
  {
    name: "the largest numbers",
    values: {
      external_number: "9223372036854775807",
      status_code: "2147483647",
      data_size_bytes: "9223372036854775807",
      processing_latency_ms: "2147483647",
    },
  },
  {
    name: "the smallest numbers",
    values: {
      external_number: "-9223372036854775808",
      status_code: "-2147483648",
      data_size_bytes: "-1",
      processing_latency_ms: "0",
    },
  },
  { name: "before Christ", values: { occurred_at: "0044-03-15 12:00:00.000001+00 BC" } },
  { name: "the first time that PostgreSQL knows", values: { occurred_at: "4714-11-24 00:00:00+00 BC" } },
  { name: "the last time that PostgreSQL knows", values: { occurred_at: "294276-12-31 23:59:59.999999+00" } },
  { name: "the last microsecond of a month", values: { occurred_at: "2026-11-30 23:59:59.999999+00" } },
  { name: "one microsecond before 2000", values: { occurred_at: "1999-12-31 23:59:59.999999+00" } },
  { name: "infinity", values: { occurred_at: "infinity" } },
  { name: "minus infinity", values: { occurred_at: "-infinity" } },
  { name: "identity redacted to nothing", values: allSet, identity: {} },
  {
    name: "content redacted to a marker",
    values: allSet,
    content: { description: "[erased]", details: '"[erased]"' },
  },
  {
    name: "both groups redacted, the actor to a pseudonym",
    values: allSet,
    identity: { actor_id: "p:4f1d2a" },
    content: {},
  },
  { name: "an event after the redacted ones", values: { action: "read" } },
  { name: "another lane", lane: 1, values: {} },
  { name: "a lane of the old snapshots", lane: 1000, values: {} },
  { name: "the last lane", lane: 32767, values: {} },
  { name: "the same lane of another organization", organization: "Acme", values: {} },
  {
    name: "an organization of 128 characters",
    organization: "\u{1d4b3}".repeat(128),
    values: { action: "create" },
  },
  { name: "the second event of that", organization: "\u{1d4b3}".repeat(128), values: { action: "read" } },
]

/** Two objects as sql/catalog.sql prints them, for the digest in the act of a migration. */
export const catalog = [
  { object: "database encoding", definition: "UTF8" },
  { object: "function generate_id()", definition: "kind f, returns uuid\nno grants" },
  { object: "table log", definition: "column log_id uuid\nconstraint p PRIMARY KEY (log_id)" },
] as const

/** Acts, without place and hashes. A digest of "catalog" or "heads" is that of the lists of this file. */
export const acts: readonly Readonly<Record<string, string | null>>[] = [
  {
    kind: "migrate",
    parameters: '{"tool_version": "0.1.0", "migrations": ["0001_log"]}',
    digest: "catalog",
    recorded_at: "2026-11-21 09:00:00.000001+00",
    session_user_name: "dba",
    client_address: null,
    transaction_id: "741",
    system_identifier: "7571234567890123456",
    timeline: "1",
  },
  {
    kind: "import",
    parameters: '{"source": "é \\"x\\"", "events": 9007199254740993}',
    digest: null,
    recorded_at: "2026-11-21 09:01:00+00",
    session_user_name: "",
    client_address: "192.0.2.10",
    transaction_id: "4294967299",
    system_identifier: null,
    timeline: null,
  },
  {
    kind: "verify",
    parameters: "{}",
    digest: "heads",
    recorded_at: "2026-11-21 09:02:00.5+00",
    session_user_name: "auditor é",
    client_address: "2001:db8::5",
    transaction_id: "9223372036854775807",
    system_identifier: "7571234567890123456",
    timeline: "2147483647",
  },
]
