// How a typed line becomes a command with typed values, and what a mistyped one is answered.
import { describe, expect, it } from "vitest"
import { tree } from "./fixture.js"
import { runInProcess } from "./io.js"

const run = (...argv: string[]) => runInProcess(argv, {}, tree)
async function given(...argv: string[]): Promise<Record<string, unknown>> {
  const { stdout, stderr } = await run(...argv, "--json")
  expect(stderr).toBe("")
  return JSON.parse(stdout)
}

describe("values", () => {
  it("are what was typed, or the fallback", async () => {
    expect(await given("echo", "acme/0/1")).toEqual({
      event: "acme/0/1",
      more: [],
      limit: 100,
      tag: [],
      dryRun: false,
      roles: true,
      fields: null,
      quiet: false,
    })
    const line =
      "echo e1 e2 e3 --org acme -n 0 --outcome failure --tag a --tag b --rejects - --dry-run --no-roles"
    expect(await given(...line.split(" "))).toMatchObject({
      more: ["e2", "e3"],
      org: "acme",
      limit: 0,
      outcome: "failure",
      tag: ["a", "b"],
      rejects: "-",
      dryRun: true,
      roles: false,
    })
  })

  it("may begin with a dash after --, or with =", async () => {
    const { stdout } = await run("--json", "echo", "--org=-x", "--", "--event")
    expect(JSON.parse(stdout)).toMatchObject({ org: "-x", event: "--event" })
  })

  it("of common options count before and after the command, the last one wins", async () => {
    const before = await run(
      "--format",
      "csv",
      "--quiet",
      "list",
      "--fields",
      "id,seq",
      "rows",
      "--fields",
      "seq",
    )
    expect(before.stdout).toBe("seq\n9007199254740993\n2\n-3\n\n")
    expect(before.stderr).toBe("")
  })

  it("reach the command by its alias", async () => {
    expect(await given("say", "x")).toMatchObject({ event: "x" })
  })
})

describe("a mistake", () => {
  it.each([
    [["ech", "x"], "unknown command: ech", "pgtrail echo"],
    [["nothing-like-it"], "unknown command: nothing-like-it", "pgtrail --help"],
    [["list", "row"], "unknown command of list: row", "pgtrail list rows"],
    [["echo", "x", "--limt", "3"], "unknown option --limt, did you mean --limit?", "pgtrail echo --help"],
    [
      ["echo", "x", "--forma", "csv"],
      "unknown option --forma, did you mean --format?",
      "pgtrail echo --help",
    ],
    [["echo"], "missing argument: <event>", "pgtrail echo --help"],
    [["list", "rows", "x", "y"], "unexpected argument: x y", "pgtrail list rows --help"],
    [["echo", "x", "--org"], "--org needs a value", "pgtrail echo --help"],
    [["fail"], "--code is required", "pgtrail fail --help"],
    [["echo", "x", "-n", "1e3"], '--limit takes a whole number, not "1e3"', "pgtrail echo --help"],
    [["echo", "x", "--limit", "-1"], '--limit takes a whole number, not "-1"', "pgtrail echo --help"],
    [["echo", "x", "--outcome", "x"], '--outcome takes success or failure, not "x"', "pgtrail echo --help"],
    [["echo", "x", "--rejects", ""], '--rejects takes a file name, not ""', "pgtrail echo --help"],
    [
      ["echo", "x", "--json", "--format", "csv"],
      "--json and --format csv contradict each other",
      "pgtrail echo --help",
    ],
    [
      ["list", "rows", "--fields", "id,sek"],
      "unknown field: sek, did you mean seq?",
      "pgtrail list rows --help",
    ],
  ])("%j is answered with what is wrong and what to type, exit 2", async (argv, message, hint) => {
    const json = argv.includes("--json")
    const { exit, stdout, stderr } = await run(...argv)
    expect(exit).toBe(2)
    expect(stdout).toBe("")
    if (json) expect(JSON.parse(stderr)).toEqual({ error: { code: "usage", message, hint } })
    else expect(stderr).toBe(`pgtrail: error: ${message}\npgtrail: hint: ${hint}\n`)
  })

  it("is one JSON object with --json, even where nothing could be parsed", async () => {
    const { exit, stderr } = await run("echo", "--format", "json", "x", "--limt")
    expect(exit).toBe(2)
    expect(JSON.parse(stderr)).toEqual({
      error: {
        code: "usage",
        message: "unknown option --limt, did you mean --limit?",
        hint: "pgtrail echo --help",
      },
    })
  })
})

describe("help", () => {
  it("goes to stdout when asked for, and to stderr with exit 2 when nothing to do was named", async () => {
    for (const path of [[], ["list"]]) {
      const asked = await run(...path, "--help")
      expect(asked).toMatchObject({ exit: 0, stderr: "" })
      expect(await run(...path)).toMatchObject({ exit: 2, stdout: "", stderr: asked.stdout })
      expect(await run("help", ...path)).toMatchObject({ exit: 0, stdout: asked.stdout })
    }
    expect(await run("help", "list", "rows")).toEqual(await run("list", "rows", "--help"))
  })

  it("wins over what else is wrong with the line", async () => {
    expect(await run("echo", "--limt", "--help")).toMatchObject({ exit: 0, stderr: "" })
  })

  it("loads no command for the list of commands", async () => {
    const guarded = tree.map((entry) => ({ ...entry, load: () => Promise.reject(new Error("loaded")) }))
    expect((await runInProcess(["--help"], {}, guarded)).exit).toBe(0)
    expect((await runInProcess(["list", "--help"], {}, guarded)).exit).toBe(0)
  })

  it("has colour on a terminal alone, and obeys the variables", async () => {
    const bold = async (around: object, ...more: string[]) =>
      (await runInProcess(["--help", ...more], around, tree)).stdout.includes("\u001b[1m")
    expect(await bold({})).toBe(false)
    expect(await bold({ stdoutIsTTY: true })).toBe(true)
    expect(await bold({ stdoutIsTTY: true, env: { NO_COLOR: "1" } })).toBe(false)
    expect(await bold({ stdoutIsTTY: true, env: { NO_COLOR: "" } })).toBe(true)
    expect(await bold({ stdoutIsTTY: true, env: { TERM: "dumb" } })).toBe(false)
    expect(await bold({ env: { FORCE_COLOR: "1" } })).toBe(true)
    expect(await bold({ stdoutIsTTY: true, env: { FORCE_COLOR: "0" } })).toBe(false)
    expect(await bold({ stdoutIsTTY: true }, "--no-color")).toBe(false)
  })

  it("says the version", async () => {
    expect((await run("--version")).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})
