// What is typed to choose events: one table makes the options, reads them, and writes them again for a shell.
import { execFileSync } from "node:child_process"
import { describe, expect, it, test } from "vitest"
import {
  describeFilter,
  type EventFilterValues,
  eventFilterOptions,
  readEventFilter,
  writeOptions,
} from "../../src/cli/event-filter.js"
import { TrailError } from "../../src/data/errors.js"
import { criteria, criterionNames, flagOf } from "../../src/data/query/criteria.js"
import { conditionText } from "../../src/data/query/filter.js"
import { readGlob } from "../../src/data/query/glob.js"
import { wholeLog } from "../../src/data/query/source.js"
import { runInProcess } from "./io.js"

const now = new Date("2026-11-21T09:30:15.250Z")

const nothing = Object.fromEntries(
  Object.entries(eventFilterOptions).map(([key, { fallback }]) => [key, fallback]),
) as EventFilterValues

const typed = (values: Partial<EventFilterValues>): EventFilterValues => ({ ...nothing, ...values })

function refused(values: Partial<EventFilterValues>): string {
  try {
    readEventFilter(typed(values), now)
  } catch (error) {
    if (error instanceof TrailError && error.code === "usage") return [error.message, error.hint].join(" | ")
    throw error
  }
  return "accepted"
}

it("has every filter of the issue, each under its flag", () => {
  const flags = Object.values(eventFilterOptions).map((option) => option.flags.split(" ")[0])
  expect(flags).toEqual(
    (
      "--org --since --until --project --type --category --action --severity --outcome --actor --actor-name --actor-email --actor-type " +
      "--role --ip --device --session --resource --namespace --request --correlation --method --status-code --classification --policy " +
      "--tag --compliance --at --grep --where --not"
    ).split(" "),
  )
  for (const name of criterionNames) {
    // Commander makes the key of the flag; organization alone is named otherwise.
    const key = flagOf(name)
      .slice(2)
      .replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
    expect(key).toBe(name === "organization" ? "org" : name)
  }
})

it("reads repeated values as alternatives, times in UTC, and --not by the names of the flags", () => {
  const filter = readEventFilter(
    typed({
      org: ["acme", "globex"],
      since: "-2h",
      until: "now",
      statusCode: ["5xx"],
      not: ["type=auth.*", "org=x", "type=a=b", "status-code=404", "grep="],
    }),
    now,
  )
  expect(filter).toEqual({
    organization: ["acme", "globex"],
    since: "2026-11-21T07:30:15.250000Z",
    until: "2026-11-21T09:30:15.250000Z",
    statusCode: ["5xx"],
    not: { type: ["auth.*", "a=b"], organization: ["x"], statusCode: ["404"], grep: [""] },
  })
  expect(describeFilter(filter)).toBe(
    "time: from 2026-11-21T07:30:15.250000Z up to, not including, 2026-11-21T09:30:15.250000Z",
  )
  expect(describeFilter(readEventFilter(nothing, now))).toBeUndefined()
  expect(readEventFilter(nothing, now)).toEqual({})
})

describe("what cannot be is refused before anything is connected to", () => {
  it.each<[Partial<EventFilterValues>, string]>([
    [{ severity: ["warn"] }, '--severity takes debug, info, warning, error or critical, not "warn" | '],
    [{ severity: ["criticl"] }, 'not "criticl" | did you mean --severity critical?'],
    [{ severity: ["info..eror"] }, 'not "eror" | did you mean --severity error?'],
    [
      { severity: ["error..info"] },
      '--severity "error..info" contains no severity | the order is debug, info, warning, error, critical: write info..error',
    ],
    [{ severity: [".."] }, 'not ".."'],
    [{ outcome: ["denid"] }, "did you mean --outcome denied?"],
    [{ classification: ["public"] }, "did you mean --classification PUBLIC?"],
    [{ ip: ["10.0.0"] }, '--ip takes an address or a network, not "10.0.0" | write 203.0.113.7,'],
    [{ ip: ["10.0.0.0/33"] }, "--ip takes an address"],
    [{ ip: ["2001:db8::/129"] }, "--ip takes an address"],
    [{ ip: ["fe80::1%eth0"] }, "--ip takes an address"],
    [{ ip: ["10.0.0.0/8/8"] }, "--ip takes an address"],
    [{ ip: ["10.0.0.0/"] }, "--ip takes an address"],
    [{ statusCode: ["abc"] }, '--status-code takes 404, 500..599 or 5xx, not "abc"'],
    [{ statusCode: ["599..500"] }, '--status-code "599..500" contains no code | write 500..599'],
    [{ statusCode: ["2147483648"] }, "--status-code takes"],
    [{ statusCode: ["0xx"] }, "--status-code takes"],
    [{ statusCode: [""] }, "--status-code takes"],
    [{ resource: ["/4711"] }, '--resource takes TYPE or TYPE/ID, not "/4711"'],
    [{ at: ["acme/0"] }, '--at "acme/0" is no place | give ORG/LANE/SEQ'],
    [{ at: ["0199aaf0-7c1e-7b2c-9a55-3f0d2c1b7e11"] }, "is no place"],
    [
      { not: ["type"] },
      '--not takes NAME=VALUE, NAME as in --NAME, not "type" | did you mean --not type=...?',
    ],
    [{ not: ["tpye=x"] }, "did you mean --not type=...?"],
    [{ not: ["statusCode=4xx"] }, "did you mean --not status-code=...?"],
    [{ not: ["since=2026-07"] }, "--not takes NAME=VALUE"],
    [{ not: ["severity=high"] }, "--severity takes debug"],
    [{ actor: ["a\0b"] }, '--actor "a\\x00b" holds a character that no text in PostgreSQL has'],
    [{ since: "07/10/2026" }, "is not a time that pgtrail reads"],
    [{ since: "today", until: "yesterday" }, "there is no time from --since"],
  ])("%o", (values, why) => {
    expect(refused(values)).toContain(why)
  })
})

it("makes statements for hand-written SQL whose parameters are counted from where they shall be", () => {
  const filter = { organization: "acme", severity: "warning..", not: { actor: ["a", "b"] } }
  const { text, params } = conditionText(filter, { since: "2026-07-01T00:00:00Z" }, wholeLog, 4)
  expect(text).toBe(
    "(pgtrail.event.organization_id = $4) and (pgtrail.event.severity in ('warning', 'error', 'critical')) and " +
      "(((left(pgtrail.event.actor_id, 300) = any($5::text[])) and (pgtrail.event.actor_id = any($6::text[]))) is not true) and " +
      "(pgtrail.event.occurred_at >= $7)",
  )
  expect(params).toEqual(["acme", ["a", "b"], ["a", "b"], "2026-07-01T00:00:00Z"])
  expect(conditionText({}, {}, wholeLog, 1)).toEqual({ text: "true", params: [] })
  expect(conditionText({ actor: [] }, {}, wholeLog, 1)).toEqual({ text: "true", params: [] })
})

it("writes the options so that a shell gives them back, whatever they hold", () => {
  const values = [
    "plain",
    "with blank",
    "it's",
    '"$HOME"',
    "`id`",
    "a\nb",
    "*",
    "-x",
    "",
    "\\",
    "\ttab's\\\u202e",
  ]
  const line = writeOptions(typed({ actor: values, since: "2026-07", not: ["type=auth.*"] }))
  const back = execFileSync("bash", ["-c", `printf '%s\\0' ${line}`], { encoding: "utf8" })
    .split("\0")
    .slice(0, -1)
  expect(back).toEqual([
    "--since",
    "2026-07",
    ...values.flatMap((value) => ["--actor", value]),
    "--not",
    "type=auth.*",
  ])
})

test("a glob of a megabyte is read in no time that anybody notices", () => {
  const start = performance.now()
  for (const glob of ["x".repeat(1_000_000), "*%_?".repeat(250_000), "\\".repeat(1_000_000)]) readGlob(glob)
  expect(performance.now() - start).toBeLessThan(5000)
})

describe("pgtrail query", () => {
  it.each([
    [["--count", "--sample", "3"], "--count and --sample do not go together"],
    [["--count", "--after", "x"], "--count and --after do not go together"],
    [["--count", "--limit", "5"], "--count and --limit do not go together"],
    [["--estimate", "--reverse"], "--estimate and --reverse do not go together"],
    [["--sample", "3", "--limit", "5"], "--sample and --limit do not go together"],
    [["--seed", "x"], "--seed is for --sample"],
    [["--sample", "0"], '--sample takes a whole number from 1 to 100000, not "0"'],
    [["--sample", "1e3"], '--sample takes a whole number from 1 to 100000, not "1e3"'],
    [["--after", "abc"], "--after takes a cursor that pgtrail printed, whole"],
  ])("%s is refused", async (argv, why) => {
    const { exit, stderr, stdout } = await runInProcess(["query", ...argv])
    expect(stderr).toContain(`pgtrail: error: ${why}\n`)
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: "" })
  })

  it("offers every flag in its help, with the words of closed lists", async () => {
    const { stdout } = await runInProcess(["query", "--help"])
    for (const name of criterionNames) expect(stdout).toContain(criteria[name].flags)
    expect(stdout.replace(/\s+/g, " ")).toContain("(debug, info, warning, error, critical; repeatable)")
  })
})
