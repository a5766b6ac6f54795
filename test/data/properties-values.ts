// Random events and sessions for the property tests: every value as the text that somebody would type.
import fc from "fast-check"

export type Values = Readonly<Record<string, string | null>>
export type Settings = Readonly<Record<string, string>>

const hostile = [
  ...[
    "",
    " ",
    "NULL",
    "null",
    "\\N",
    "\\.",
    "\\",
    "\\\\",
    "{}",
    "'",
    '"',
    "''; drop table x;--",
    "%s",
    "$1",
    "a,b",
  ],
  ...[
    "\t\r\n",
    "\u0001\u001f\u007f",
    "\ufeff",
    "\u2028",
    "\uffff",
    "e\u0301",
    "ÿþ",
    "€",
    "👩‍💻",
    "\u{10ffff}".repeat(40),
  ],
]

/** Any text that PostgreSQL can store: NUL and half surrogates it refuses. */
export const text = fc.oneof(
  fc.constantFrom(...hostile),
  fc.string({ unit: "binary", maxLength: 12 }).map((value) => value.replaceAll("\0", "")),
  fc.string({ unit: "grapheme-composite", maxLength: 8 }),
  fc
    .tuple(fc.constantFrom(...hostile), fc.integer({ min: 1, max: 300 }))
    .map(([part, times]) => part.repeat(times)),
)

const digits = fc.stringMatching(/^(0|[1-9][0-9]{0,25})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?$/)
const jsonNumber = fc.oneof(
  fc.constantFrom("9007199254740993", "1.10", "-0", "-0.0", "0.0", "1e400", "1E-400", "1e2", "-12.50"),
  fc.tuple(fc.constantFrom("", "-"), digits).map(([sign, number]) => sign + number),
)
const jsonText = text.map((value) => JSON.stringify(value))
const space = fc.constantFrom("", " ", "\n\t")

/** JSON as text: numbers that no double holds, keys given twice, white space, depth. */
const json = fc.letrec<{ value: string; array: string; object: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom("null", "true", "false", "[]", "{}"),
    jsonNumber,
    jsonText,
    tie("array"),
    tie("object"),
  ),
  array: fc
    .tuple(space, fc.array(tie("value"), { maxLength: 4 }))
    .map(([blank, items]) => `[${blank}${items.join(`,${blank}`)}]`),
  object: fc
    .tuple(
      space,
      fc.array(fc.tuple(fc.oneof(jsonText, fc.constantFrom('"a"', '"b"')), tie("value")), { maxLength: 4 }),
    )
    .map(([blank, items]) => `{${blank}${items.map(([key, value]) => `${key}${blank}:${value}`).join(",")}}`),
}))
const deep = fc
  .integer({ min: 50, max: 400 })
  .map((depth) => `${'[{"a":'.repeat(depth)}1.10${"}]".repeat(depth)}`)
const jsonb = fc.oneof({ weight: 8, arbitrary: json.value }, { weight: 1, arbitrary: deep })

const element = fc.oneof(
  fc.constantFrom("NULL", "plain"),
  text.map((value) => `"${value.replace(/["\\]/g, "\\$&")}"`),
)
const flat = fc.array(element, { maxLength: 5 }).map((items) => `{${items.join(",")}}`)
const square = fc
  .tuple(fc.integer({ min: 1, max: 3 }), fc.array(element, { minLength: 3, maxLength: 9 }))
  .map(([width, items]) => {
    const rows = Math.floor(items.length / width)
    return `{${Array.from({ length: rows }, (_, row) => `{${items.slice(row * width, row * width + width).join(",")}}`).join(",")}}`
  })
const shifted = fc
  .tuple(fc.integer({ min: -5, max: 5 }), fc.array(element, { minLength: 1, maxLength: 4 }))
  .map(([lower, items]) => `[${lower}:${lower + items.length - 1}]={${items.join(",")}}`)
export const textArray = fc.oneof(flat, square, shifted)

const two = (most: number, least = 0) =>
  fc.integer({ min: least, max: most }).map((value) => String(value).padStart(2, "0"))
const clock = fc
  .tuple(two(23), two(59), two(59), fc.integer({ min: 0, max: 999_999 }))
  .map(([hour, minute, second, micros]) => `${hour}:${minute}:${second}.${String(micros).padStart(6, "0")}`)
const zone = fc.constantFrom("Z", "+00", "+05:45", "-12", "+15:59:59", "-15:59:59")
const day = fc.tuple(two(12, 1), two(28, 1)).map(([month, date]) => `${month}-${date}`)
const year = (max: number) => fc.integer({ min: 1, max }).map((value) => String(value).padStart(4, "0"))
export const time = fc.oneof(
  fc
    .tuple(fc.constantFrom("2026-11", "2026-12", "2027-01"), two(28, 1), clock)
    .map(([month, date, at]) => `${month}-${date} ${at}Z`),
  fc.tuple(year(9999), day, clock, zone).map(([y, d, at, z]) => `${y}-${d} ${at}${z}`),
  fc.tuple(year(294_275), day, clock, zone).map(([y, d, at, z]) => `${y}-${d} ${at}${z}`),
  fc.tuple(year(4713), day, clock, zone).map(([y, d, at, z]) => `${y}-${d} ${at}${z} BC`),
  fc.constantFrom(
    "infinity",
    "-infinity",
    "2026-11-30 23:59:59.999999Z",
    "2024-02-29 00:00:00Z",
    "1900-02-28 24:00:00Z",
  ),
)

const address = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map(([ip, bits]) => `${ip}/${bits}`),
  fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })).map(([ip, bits]) => `${ip}/${bits}`),
  fc.constantFrom("::", "::ffff:1.2.3.4", "0.0.0.0/0", "fe80::1:0:0:1"),
)
const int = fc.oneof(fc.integer(), fc.constantFrom(0, 2147483647, -2147483648)).map(String)
const bigint = fc
  .oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.constantFrom(9007199254740993n, 2n ** 63n - 1n, -(2n ** 63n)),
  )
  .map(String)

/** Single values of each type that stands in a record. */
export const typed = {
  text,
  uuid: fc.uuid(),
  smallint: fc.integer({ min: -32768, max: 32767 }).map(String),
  int,
  bigint,
  bytea: fc.uint8Array({ maxLength: 40 }).map((bytes) => `\\x${Buffer.from(bytes).toString("hex")}`),
  timestamptz: time,
  inet: address,
  jsonb,
  "text[]": textArray,
} as const

const word = (words: readonly string[]) => fc.constantFrom(...words)
// One in `freq` is null, so 1 would be always.
const maybe = (value: fc.Arbitrary<string>) => fc.option(value, { freq: 3 })
const few = (value: fc.Arbitrary<string>) => fc.option(value, { freq: 2 })
const someText = (columns: string): Record<string, fc.Arbitrary<string | null>> =>
  Object.fromEntries(columns.split(" ").map((column) => [column, few(text)]))

/** An event of every column that an application may set, but its id. */
export const event: fc.Arbitrary<Values> = fc.record({
  organization_id: word(["acme", "Ünï 𝒳", "\u{10ffff}".repeat(128), "'\"\\", " "]),
  event_type: text.map((value) => value || "test.event"),
  severity: word(["debug", "info", "warning", "error", "critical"]),
  outcome: word(["attempt", "success", "failure", "denied", "error"]),
  retention_policy: fc.oneof(word(["standard", "short", ""]), text),
  data_classification: maybe(word(["PUBLIC", "INTERNAL", "CONFIDENTIAL", "RESTRICTED", "PHI"])),
  occurred_at: time,
  status_code: maybe(int),
  processing_latency_ms: maybe(int),
  external_number: maybe(bigint),
  data_size_bytes: maybe(bigint),
  ip_address: maybe(address),
  tags: maybe(textArray),
  compliance_tags: maybe(textArray),
  request_params: few(jsonb),
  before_state: few(jsonb),
  after_state: few(jsonb),
  details: maybe(jsonb),
  ...someText(
    "external_id source project_id category action actor_type actor_role resource_type request_method",
  ),
  ...someText("event_version actor_id actor_name actor_email user_agent session_id device_id resource_id"),
  ...someText(
    "resource_name namespace description error_message request_path request_id correlation_id signature",
  ),
})

/** A session as hostile as its owner can make it. */
export const settings: fc.Arbitrary<Settings> = fc.record({
  client_encoding: word(["UTF8", "LATIN1"]),
  datestyle: word(["ISO, YMD", "ISO, DMY", "SQL, DMY", "SQL, MDY", "Postgres, MDY", "German"]),
  timezone: word(["UTC", "Asia/Kathmandu", "America/St_Johns", "Africa/Monrovia", "Pacific/Apia", "-13:37"]),
  bytea_output: word(["hex", "escape"]),
  intervalstyle: word(["postgres", "postgres_verbose", "sql_standard", "iso_8601"]),
  extra_float_digits: word(["-15", "0", "1", "3"]),
})

/** A batch is not shrunk, which would take minutes: the assertion has named the value, and the seed brings it back. */
export function hold<T extends [unknown, ...unknown[]]>(
  runs: number,
  values: { [K in keyof T]: fc.Arbitrary<T[K]> },
  predicate: (...given: T) => Promise<void>,
): Promise<void> {
  const fixed = fc.noShrink(fc.tuple<T>(...values))
  return fc.assert(
    fc.asyncProperty(fixed, (given) => predicate(...given)),
    {
      numRuns: runs,
      endOnFailure: true,
      reporter: ({ failed, seed, counterexamplePath, errorInstance }) => {
        if (!failed) return
        const reason = errorInstance instanceof Error ? errorInstance.message : String(errorInstance)
        throw new Error(`seed ${seed}, path ${counterexamplePath}: ${reason}`, { cause: errorInstance })
      },
    },
  )
}
