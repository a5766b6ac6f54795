// Every form of the same rows, read back by a parser that is not ours.
import { Writable } from "node:stream"
import { describe, expect, it } from "vitest"
import { command, type Row } from "../../src/cli/command.js"
import { evidence, tree } from "./fixture.js"
import { runInProcess } from "./io.js"

const run = (argv: readonly string[], around = {}) => runInProcess(argv, around, tree)
const names = ["id", "seq", "details", "isLast"]
const fields = "id,seq,details,isLast,extra"
const parsed = (row: (typeof evidence)[number]) => {
  const details = row.details
  return {
    id: row.id,
    seq: row.seq,
    details: typeof details === "string" ? JSON.parse(details) : null,
    isLast: row.isLast,
  }
}

describe("json", () => {
  it("is one document whose cells are the evidence, verbatim", async () => {
    const { stdout, stderr, exit } = await run(["list", "rows", "--json"])
    expect({ stderr, exit }).toEqual({ stderr: "", exit: 0 })
    expect(JSON.parse(stdout)).toEqual({ schema: "test.rows/1", rows: evidence.map(parsed), next: "cursor" })
    expect(stdout).toContain('"details":{"n": 1.10, "big": 9007199254740993},')
  })

  it("streams no rows as an empty list", async () => {
    const none = tree.map((entry) => ({
      ...entry,
      load: async () => ({
        default: {
          ...(await entry.load()).default,
          invoke: async () => ({ schema: "s/1", columns: [{ name: "id" }], rows: [] }),
        },
      }),
    }))
    const { stdout } = await runInProcess(["list", "rows", "--json"], {}, none)
    expect(stdout).toBe('{"schema":"s/1","rows":[],"next":null}\n')
  })

  it("prints a document instead, with raw JSON inside", async () => {
    const { stdout, exit } = await run(["list", "document", "--json"])
    expect(exit).toBe(4)
    expect(JSON.parse(stdout)).toEqual({
      verdict: "intact",
      count: "12",
      raw: { n: 1.1 },
      none: null,
      list: [],
    })
    expect(stdout).toContain('"raw": {"n": 1.10}')
  })
})

describe("ndjson", () => {
  it("has one object a line, whatever the cells hold", async () => {
    const { stdout } = await run(["list", "rows", "--format", "ndjson"])
    const lines = stdout.trimEnd().split("\n")
    expect(lines.map((line) => JSON.parse(line))).toEqual(evidence.map(parsed))
    expect(lines.map((line) => Object.keys(JSON.parse(line)))).toEqual(evidence.map(() => names))
  })

  it("streams a million rows in flat memory, waiting for its reader", async () => {
    let lines = 0
    let most = 0
    const slow = new Writable({
      highWaterMark: 1,
      write(text: Buffer, _, done) {
        for (const byte of text) if (byte === 10) lines += 1
        most = Math.max(most, process.memoryUsage().heapUsed)
        setImmediate(done)
      },
    })
    const before = process.memoryUsage().heapUsed
    const { exit } = await run(
      ["list", "rows", "--many", "1000000", "--format", "ndjson", "--fields", "id,seq"],
      {
        stdout: slow,
      },
    )
    expect(exit).toBe(0)
    expect(lines).toBe(1_000_000)
    expect(most - before).toBeLessThan(100e6)
  }, 30_000)
})

describe("a reader that goes away", () => {
  it.each(["json", "ndjson", "csv", "table"])(
    "ends %s quietly; what was found still counts",
    async (format) => {
      let written = 0
      const head = new Writable({
        write(text: Buffer, _, done) {
          written += text.length
          done(written > 1_000 ? Object.assign(new Error("write EPIPE"), { code: "EPIPE" }) : null)
        },
      })
      const line = ["list", "rows", "--many", "10000000", "--found", "--format", format]
      const { exit, stderr } = await run(line, { stdout: head })
      expect({ exit, stderr }).toEqual({
        exit: 1,
        stderr: { json: "", ndjson: '{"note":{"message":"4 rows"}}\n' }[format] ?? "pgtrail: 4 rows\n",
      })
    },
  )

  it("is not mistaken for a full disk", async () => {
    const full = new Writable({
      write: (_text, _, done) => done(Object.assign(new Error("write ENOSPC"), { code: "ENOSPC" })),
    })
    const { exit, stderr } = await run(["list", "rows"], { stdout: full })
    expect({ exit, stderr }).toEqual({
      exit: 3,
      stderr: "pgtrail: error: cannot write the answer: no space left\n",
    })
  })
})

describe("csv", () => {
  it("keeps null apart from the empty text, and every line end inside its field", async () => {
    const { stdout } = await run(["list", "rows", "--format", "csv", "--fields", fields])
    const [head, ...rows] = readCsv(stdout)
    expect(head).toEqual(fields.split(","))
    expect(rows).toEqual(
      evidence.map((row) => fields.split(",").map((name) => (row[name] === null ? null : String(row[name])))),
    )
  })
})

describe("table", () => {
  it("shows control characters instead of obeying them", async () => {
    const { stdout, stderr } = await run(["list", "rows"])
    expect(stdout).toMatchInlineSnapshot(`
      "id                                           seq  details                               last
      plain                           9007199254740993  {"n": 1.10, "big": 9007199254740993}  false
      quote " comma , end\\n\\rof line                 2                                        true
      \\x1b[2Jévil \\u202e日本                        -3  "\\u001b"
                                                        [1,\\n2]
      "
    `)
    expect(stderr).toBe("pgtrail: 4 rows\n")
  })

  it("fits the terminal and marks what it cut, but is whole in a pipe", async () => {
    const { stdout } = await run(["list", "rows"], { stdoutIsTTY: true, columns: 50, env: { NO_COLOR: "1" } })
    expect(stdout.split("\n")[2]).toMatch(/…/)
    for (const line of stdout.split("\n")) expect([...line].length).toBeLessThanOrEqual(50)
    expect((await run(["list", "rows"])).stdout).not.toMatch(/…/)
  })

  const shownAt = async (width: number, row: Row): Promise<string[]> => {
    const names = Object.keys(row)
    const one = command({
      summary: "one",
      examples: [],
      run: () => ({ schema: "s/1", columns: names.map((name) => ({ name })), rows: [row] }),
    })
    const only = [
      { name: "one", topic: "read" as const, summary: "one", load: async () => ({ default: one }) },
    ]
    const terminal = { stdoutIsTTY: true, columns: width, env: { NO_COLOR: "1" } }
    const { stdout } = await runInProcess(["one"], terminal, only)
    const [heading = "", cells = ""] = stdout.trimEnd().split("\n")
    expect(Math.max(heading.length, cells.length)).toBeLessThanOrEqual(width)
    return cells.split(/ {2,}/)
  }

  it("cuts texts first, then times to the second, and places and ids last", async () => {
    const event = {
      occurred_at: "2026-10-05T12:30:15.123456Z",
      event_type: "document.permission.changed",
      actor_id: "0198c0de-0000-7000-8000-0123456789ab",
      resource: "document/quarterly-report-final",
      event: "acme/0/1234567",
    }
    const { occurred_at, event_type, actor_id, resource, event: place } = event
    expect(await shownAt(150, event)).toEqual([occurred_at, event_type, actor_id, resource, place])
    expect(await shownAt(130, event)).toEqual([
      occurred_at,
      "document.permission.c…",
      actor_id,
      "document/quarterly-rep…",
      place,
    ])
    expect(await shownAt(94, event)).toEqual([
      "2026-10-05T12:30:15…",
      "documen…",
      actor_id,
      "documen…",
      place,
    ])
    expect(await shownAt(86, event)).toEqual(["2026-10-05T12:30:15…", "doc…", actor_id, "doc…", place])
    // Nothing but these is left to give way.
    expect((await shownAt(60, event)).at(-1)).toBe(place)
  })

  it("shows an event's time to the second and its place, whole, on 80 columns", async () => {
    const cells = await shownAt(80, {
      occurred_at: "2026-10-05T12:30:15.123456Z",
      event_type: "auth.login.failed",
      actor_id: "alice@example.org",
      resource: "session/4711",
      outcome: "failure",
      severity: "warning",
      event: "acme/0/123456",
    })
    expect(cells[0]).toBe("2026-10-05T12:30:15…")
    expect(cells[6]).toBe("acme/0/123456")
  })

  it("has a bold heading on a terminal", async () => {
    const { stdout } = await run(["list", "rows"], { stdoutIsTTY: true, columns: 200 })
    expect(stdout).toContain("\u001b[1mdetails\u001b[22m")
    expect((await run(["list", "rows"])).stdout).not.toContain("\u001b")
  })

  it("keeps its columns from window to window", async () => {
    const { stdout } = await run(["list", "rows", "--many", "1200"])
    const lines = stdout.trimEnd().split("\n")
    expect(lines).toHaveLength(1201)
    expect(lines[1]).toBe("row    0")
    expect(lines[1200]).toBe("row  1199")
  })

  it("gives way to a text, from which escapes are taken too", async () => {
    expect((await run(["list", "document"])).stdout).toBe("intact\\x1b[2J\n")
  })
})

describe("a text that is asked with the width of the terminal", () => {
  const hash = "0123456789abcdef".repeat(4)
  const lines = [
    "Evidence: all 30 events that the log had of the organizations named in the time named; none was left out.",
    "",
    `file           export-0001.csv  20 rows, 4,711 bytes  ${hash}`,
    `manifest       ${hash}, signed`,
    `  ${"x".repeat(90)} and more`,
  ]
  const show = command({
    summary: "show",
    examples: [],
    run: () => ({ schema: "s/1", columns: [], rows: [], text: () => lines.join("\n") }),
  })
  const only = [
    { name: "show", topic: "read" as const, summary: "show", load: async () => ({ default: show }) },
  ]

  it("is wrapped at blanks, below the value where it has a name; only a word alone may be wider", async () => {
    const { stdout } = await runInProcess(["show"], { stdoutIsTTY: true, columns: 80 }, only)
    expect(stdout.split("\n")).toEqual([
      "Evidence: all 30 events that the log had of the organizations named in the time",
      "named; none was left out.",
      "",
      "file           export-0001.csv  20 rows, 4,711 bytes",
      `               ${hash}`,
      `manifest       ${hash},`,
      "               signed",
      lines[4]?.replace(" and more", ""),
      "  and more",
      "",
    ])
  })

  it("is whole in a pipe", async () => {
    expect((await runInProcess(["show"], {}, only)).stdout).toBe(`${lines.join("\n")}\n`)
  })
})

describe("--fields", () => {
  it.each([
    ["", "--fields names no column"],
    [" , ", "--fields names no column"],
    ["id,seq, id", "--fields names id twice"],
  ])("refuses %j", async (typed, message) => {
    for (const format of ["table", "csv"]) {
      const { exit, stdout, stderr } = await run(["list", "rows", "--fields", typed, "--format", format])
      expect({ exit, stdout }).toEqual({ exit: 2, stdout: "" })
      expect(stderr).toBe(`pgtrail: error: ${message}\npgtrail: hint: pgtrail list rows --help\n`)
    }
  })
})

/** RFC 4180 with null for an empty field that is not quoted; written apart from the writer, on purpose. */
function readCsv(text: string): (string | null)[][] {
  const rows: (string | null)[][] = []
  const field = /(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n)/y
  let row: (string | null)[] = []
  while (field.lastIndex < text.length) {
    const [, quoted, bare, end] = field.exec(text) ?? expect.fail("not CSV")
    row.push(quoted?.replaceAll('""', '"') ?? (bare === "" ? null : (bare ?? null)))
    if (end === "\n") {
      rows.push(row)
      row = []
    }
  }
  return rows
}
