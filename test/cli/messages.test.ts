// What people read on stderr: its form, its exit code, and what never gets through.
import { describe, expect, it } from "vitest"
import { exitCodeOf } from "../../src/cli/exit.js"
import { redact } from "../../src/cli/redact.js"
import { visible } from "../../src/data/words.js"
import { tree } from "./fixture.js"
import { runInProcess } from "./io.js"

const run = (argv: readonly string[], around = {}) => runInProcess(argv, around, tree)
const fail = (code: string, message: string, ...more: string[]) =>
  run(["fail", "--code", code, "--message", message, ...more])

describe("a password", () => {
  it.each([
    ["postgresql://u:secret@h/db", "postgresql://u:***@h/db"],
    ["postgresql+asyncpg://u:secret@h:5432/db?x=1", "postgresql+asyncpg://u:***@h:5432/db?x=1"],
    ["cannot open postgres://u:p@ss:w/rd@h/db, sorry", "cannot open postgres://u:***@h/db, sorry"],
    ["postgres://u:@h/db", "postgres://u:***@h/db"],
    ["postgres://:secret@h/db", "postgres://:***@h/db"],
    ["postgres://u@h:5432/db", "postgres://u@h:5432/db"],
    ["postgres://u@/db?host=/tmp&password=secret&port=1", "postgres://u@/db?host=/tmp&password=***&port=1"],
    ["host=h password=secret dbname=d", "host=h password=*** dbname=d"],
    ["host=h password = 'se cr\\'et' dbname=d", "host=h password = *** dbname=d"],
    ["PGPASSWORD=secret psql", "PGPASSWORD=*** psql"],
    ["sslpassword=secret", "sslpassword=***"],
    ['{"password":"se\\"cret","user":"u"}', '{"password":"***","user":"u"}'],
    ["two: a://b:secret@c d://e:secret@f", "two: a://b:***@c d://e:***@f"],
    ["two\na://b:secret@c\nd://e:secret@f", "two\na://b:***@c\nd://e:***@f"],
  ])("is taken out of %j", (text, clean) => {
    expect(redact(text)).toBe(clean)
  })

  it("that is known is taken out wherever it stands, a short one only as a word", () => {
    expect(redact("tried hunter2hunter2! and xhunter2hunter2x", ["hunter2hunter2"])).toBe(
      "tried ***! and x***x",
    )
    expect(redact('user "post" of postgres', ["post"])).toBe('user "***" of postgres')
    expect(redact("a+b(c) failed", ["a+b(c)"])).toBe("*** failed")
    expect(redact("abc is not blanked: it would be spelt out", ["abc"])).toContain("abc")
  })

  it("of the environment or the URL never reaches stderr", async () => {
    const message = "it was tops3cret or up3cret%21 or up3cret!"
    const line = ["fail", "--code", "connection", "--message", message]
    for (const [env, url] of [
      [{ PGPASSWORD: "tops3cret", PGHOST: "h" }, []],
      [{}, ["--url", "postgresql://u:tops3cret@h/d"]],
      [{ PGTRAIL_URL: "postgresql://u:tops3cret@h/d" }, []],
    ] as const) {
      const warned = await run([...line.slice(0, 2), "connection", ...url], { env })
      expect(warned.exit).toBe(0)
      const wrong = await run(["fail", "--code", "secret", "--message", "tops3cret", ...url], { env })
      expect(wrong.stderr).toBe("pgtrail: error: ***\n")
    }
    const broken = await run([
      "fail",
      "--code",
      "connection",
      "--url",
      "postgres://u:tops3cret@h:x/d",
      "--verbose",
    ])
    expect(broken.exit).toBe(2)
    expect(broken.stderr).not.toContain("tops3cret")
  })
})

describe("an error", () => {
  it("names its object, and then the command to run", async () => {
    const { exit, stderr, stdout } = await fail("not-installed", "no log in database acme")
    expect({ exit, stdout }).toEqual({ exit: 3, stdout: "" })
    expect(stderr).toBe("pgtrail: error: no log in database acme\npgtrail: hint: pgtrail install\n")
  })

  it("is one JSON object on stderr with --json or ndjson", async () => {
    for (const form of [["--json"], ["--format", "json"], ["--format=ndjson"]]) {
      const { stderr } = await fail("not-installed", "no log", ...form)
      expect(JSON.parse(stderr)).toEqual({
        error: { code: "not-installed", message: "no log", hint: "pgtrail install" },
      })
      expect(stderr.trimEnd()).not.toContain("\n")
    }
  })

  it("of wrong usage ends with the help to read", async () => {
    expect((await fail("usage", "no")).stderr).toBe(
      "pgtrail: error: no\npgtrail: hint: pgtrail fail --help\n",
    )
  })

  it("shows escapes and indents its further lines", async () => {
    const { stderr } = await fail("server", "first\u001b[2J\nsecond\r")
    expect(stderr).toBe("pgtrail: error: first\\x1b[2J\n  second\\r\n")
  })

  it("says SQLSTATE only to who asks", async () => {
    expect((await fail("server", "x")).stderr).not.toContain("42P01")
    expect((await fail("server", "x", "--verbose")).stderr).toContain("SQLSTATE 42P01")
  })

  it("that nobody foresaw is a bug: 70, and a stack only to who asks", async () => {
    const { exit, stderr } = await fail("bug", "off by one\nwith more")
    expect(exit).toBe(70)
    expect(stderr).toBe(
      "pgtrail: error: this is a bug in pgtrail: off by one\n" +
        "pgtrail: hint: run it again with --verbose to see where, and report it\n",
    )
    expect((await fail("bug", "off by one", "--verbose")).stderr).toMatch(/\n\s+at /)
  })

  it("of a file that the user named is no bug", async () => {
    const { exit, stderr } = await fail("file", "")
    expect(exit).toBe(3)
    expect(stderr).toMatch(/^pgtrail: error: cannot use .*absent: no such file or folder\n$/)
  })

  it("in the middle of any form is the error that it is", async () => {
    for (const format of ["table", "csv", "ndjson"]) {
      const { exit, stderr } = await fail("late", "connection lost", "--format", format)
      expect(exit).toBe(3)
      expect(stderr).toContain("connection lost")
    }
  })

  it("in the middle leaves JSON that nobody can take for whole", async () => {
    const { exit, stdout, stderr } = await fail("late", "connection lost", "--json")
    expect(exit).toBe(3)
    expect(() => JSON.parse(stdout)).toThrow()
    expect(JSON.parse(stderr)).toEqual({ error: { code: "connection-lost", message: "connection lost" } })
  })
})

it("a warning and a note keep to stderr; --quiet and --json silence the note alone", async () => {
  expect((await fail("warning", "old server")).stderr).toBe("pgtrail: warning: old server\n")
  expect((await fail("warning", "old server", "--quiet")).stderr).toBe("pgtrail: warning: old server\n")
  expect(JSON.parse((await fail("warning", "old server", "--json")).stderr)).toEqual({
    warning: { message: "old server" },
  })
  expect((await run(["list", "rows", "--quiet"])).stderr).toBe("")
})

describe("the exit code", () => {
  it("is the report's, asked when everything is printed", async () => {
    expect((await run(["list", "rows", "--found"])).exit).toBe(1)
    expect((await run(["list", "rows"])).exit).toBe(0)
  })

  it("never says `found` or `done` for an error", () => {
    for (const code of ["usage", "config", "bad-event"] as const) expect(exitCodeOf(code)).toBe(2)
    for (const code of ["unreachable", "privilege", "disk-full", "not-found"] as const)
      expect(exitCodeOf(code)).toBe(3)
    expect(exitCodeOf("busy")).toBe(5)
    expect(exitCodeOf("incomplete")).toBe(4)
  })

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ])("after %s is %i, and the hint says how to go on", async (reason, exit) => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(reason), 10)
    const ran = await run(["fail", "--code", "wait"], { signal: controller.signal })
    expect(ran.exit).toBe(exit)
    expect(ran.stderr).toBe(
      "pgtrail: error: stopped after 2 files\npgtrail: hint: pgtrail import file b.json\n",
    )
  })
})

it("marks that turn text around are made visible, ordinary scripts are not", () => {
  expect(visible("a\u0000\u007f\u009b\u202e\u2066\u2028b")).toBe("a\\x00\\x7f\\x9b\\u202e\\u2066\\u2028b")
  expect(visible("naïve שלום 日本 😀 \\n")).toBe("naïve שלום 日本 😀 \\n")
})
