// What a command takes where the line leaves it open: variables, then pgtrail.json. Over 250 lines because each wrong file has its words.
import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import {
  command,
  configurable,
  count,
  file,
  flag,
  list,
  reference,
  required,
  text,
} from "../../src/cli/command.js"
import { commands, type Entry } from "../../src/cli/commands.js"
import { findFile } from "../../src/cli/config/file.js"
import { readJson } from "../../src/cli/config/locate.js"
import { threshold } from "../../src/cli/options.js"
import { type Around, runInProcess } from "./io.js"

const echo = command({
  summary: "print what it was given",
  options: {
    jobs: configurable(count("--jobs <n>", "connections", 2)),
    tag: configurable(list("--tag <tag>", "a tag")),
    state: configurable(file("--state <file>", "a file")),
    key: configurable(required(reference("--key <reference>", "a key"))),
    fast: configurable(flag("--fast", "fast")),
    org: text("--org <name>", "an organization"),
    confirm: text("--confirm <name>", "what is lost"),
  },
  configuration: {
    "age.warning": threshold("when to warn", "2d", (typed, name) => {
      if (/^\d+d$|^never$/.test(typed)) return typed
      throw new Error(`bug: ${name}`)
    }),
  },
  examples: [],
  run({ options, configuration, session }) {
    let database: string | undefined
    try {
      const { source, shown } = session.connection()
      database = `${source} ${shown}`
    } catch {
      database = undefined
    }
    const { quiet, format } = session
    const document = { ...options, ...configuration, quiet, format, database }
    return { schema: "test/1", columns: [{ name: "jobs" }], rows: [{ jobs: String(options.jobs) }], document }
  },
})
const other = command({
  summary: "has jobs as well",
  options: { jobs: configurable(count("--jobs <n>", "connections", 2)) },
  examples: [],
  run: ({ options }) => ({ schema: "o/1", columns: [], rows: [], document: options }),
})
const tree: readonly Entry[] = [
  { name: "log echo", topic: "read", summary: "", load: async () => ({ default: echo }) },
  { name: "other", topic: "read", summary: "", load: async () => ({ default: other }) },
]

let folder: string
let cwd: string
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "pgtrail-config-")))
})
afterAll(() => rm(folder, { recursive: true, force: true }))
beforeEach(async () => {
  cwd = await mkdtemp(join(folder, "run-"))
})

const write = async (content: unknown, name = "pgtrail.json"): Promise<string> => {
  const path = join(cwd, name)
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content), { mode: 0o644 })
  await chmod(path, 0o644)
  return path
}
const run = (argv: readonly string[], around: Around = {}) => runInProcess(argv, { cwd, ...around }, tree)
const key = ["--key", "env:K"]
async function given(argv: readonly string[], around: Around = {}): Promise<Record<string, unknown>> {
  const { stdout, stderr } = await run(["log", "echo", ...argv, "--json"], around)
  expect(stderr).toBe("")
  return JSON.parse(stdout)
}
async function refused(content: unknown, argv: readonly string[] = []): Promise<string> {
  await write(content)
  const { exit, stderr, stdout } = await run(["log", "echo", ...argv])
  expect({ exit, stdout }).toEqual({ exit: 2, stdout: "" })
  return stderr
}

describe("an option", () => {
  it("is the line's, then the variable's, then the file's; that of the command before that at the top", async () => {
    await write({ jobs: 9, log: { echo: { key: "env:FILE" } } })
    expect(await given([])).toMatchObject({ jobs: 9, key: "env:FILE" })
    await write({ jobs: 9, log: { echo: { key: "env:FILE", jobs: 8 } } })
    expect(await given([])).toMatchObject({ jobs: 8 })
    expect((await run(["other", "--json"])).stdout).toContain('"jobs": 9')
    const env = { PGTRAIL_JOBS: "7" }
    expect(await given([], { env })).toMatchObject({ jobs: 7 })
    expect(await given([], { env: { ...env, PGTRAIL_LOG_ECHO_JOBS: "6" } })).toMatchObject({ jobs: 6 })
    expect(await given(["--jobs", "2"], { env })).toMatchObject({ jobs: 2 })
  })

  it("that nobody gives keeps its default, and one that must be given is asked for", async () => {
    expect(await given(key)).toMatchObject({ jobs: 2, tag: [], fast: false, "age.warning": "2d" })
    expect(await run(["log", "echo"])).toMatchObject({
      exit: 2,
      stderr: "pgtrail: error: --key is required\npgtrail: hint: pgtrail log echo --help\n",
    })
  })

  it("is a form of the answer that the command has, in both; where it has none of that name, the source is named", async () => {
    const forms = ["table", "json", "xml", "short"]
    const withXml = command({
      summary: "prints xml",
      formats: ["xml"],
      examples: [],
      run: ({ session }) => ({
        schema: "o/1",
        columns: [],
        rows: [],
        forms: Object.fromEntries(forms.map((form) => [form, session.format])),
      }),
    })
    const xmlTree = [
      { name: "paper", topic: "read", summary: "", load: async () => ({ default: withXml }) },
    ] as const
    const paper = (around: Around = {}, argv: readonly string[] = []) =>
      runInProcess(["paper", ...argv], { cwd, ...around }, [...tree, ...xmlTree])
    const env = { PGTRAIL_FORMAT: "xml" }
    expect(await paper({ env })).toMatchObject({ exit: 0, stdout: "xml" })
    expect(await paper({ env }, ["--json"])).toMatchObject({ exit: 0, stdout: "json" })
    expect(await paper({ env: { PGTRAIL_FORMAT: "short" } })).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('PGTRAIL_FORMAT takes table, json, ndjson, csv or xml, not "short"'),
    })
    await write({ format: "xml" })
    expect(await paper()).toMatchObject({ exit: 0, stdout: "xml" })
    expect(await run(["other"])).toMatchObject({
      exit: 2,
      stdout: "",
      stderr: expect.stringContaining('pgtrail.json: format takes table, json, ndjson or csv, not "xml"'),
    })
    expect(await run(["other", "--format", "csv"])).toMatchObject({ exit: 0 })
  })

  it("is a list, a flag or a threshold too, in both", async () => {
    await write({ log: { echo: { tag: ["a", "b"], fast: true, age: { warning: "5d" } } }, quiet: true })
    expect(await given(key)).toMatchObject({ tag: ["a", "b"], fast: true, "age.warning": "5d", quiet: true })
    const env = {
      PGTRAIL_TAG: "c,d",
      PGTRAIL_FAST: "off",
      PGTRAIL_LOG_ECHO_AGE_WARNING: "never",
      PGTRAIL_QUIET: "0",
    }
    expect(await given(key, { env })).toMatchObject({
      tag: ["c", "d"],
      fast: false,
      "age.warning": "never",
      quiet: false,
    })
  })

  it("with a file is meant from where the configuration lies, on the line from where one stands", async () => {
    await mkdir(join(cwd, "etc"))
    const path = join("etc", "own.json")
    await write({ state: "a.state", key: "file:secret/a.key", url: "embedded:data" }, path)
    expect(await given(["--config", path])).toMatchObject({
      state: join(cwd, "etc", "a.state"),
      key: `file:${join(cwd, "etc", "secret", "a.key")}`,
      database: `${path} embedded:${join(cwd, "etc", "data")}`,
    })
    expect(await given(["--config", path, "--state", "b"])).toMatchObject({ state: "b" })
  })

  it.each(["org", "confirm", "json", "config", "fields", "verbose", "dry-run"])(
    "%s comes from the line alone",
    async (name) => {
      const variable = `PGTRAIL_${name.toUpperCase().replace("-", "_")}`
      if (name !== "config") {
        const ran = await run(["log", "echo", ...key, "--format", "json"], { env: { [variable]: "true" } })
        expect(JSON.parse(ran.stdout)).toEqual(await given(key))
        if (name !== "dry-run") {
          const message = `the variable ${variable} says nothing: --${name} is given on the command line alone`
          expect(JSON.parse(ran.stderr)).toEqual({ warning: { message } })
        }
      }
      expect(await refused({ [name]: "x" }, key)).toContain(`pgtrail.json: ${name} is not known`)
      expect(await refused({ log: { echo: { [name]: "x" } } }, key)).toMatch(
        new RegExp(`log.echo.${name} is (not known|given on the command line alone)`),
      )
    },
  )

  it("format: --json on the line wins over a configured one", async () => {
    await write({ format: "csv", key: "env:K" })
    expect((await run(["log", "echo"])).stdout).toBe("jobs\n2\n")
    expect(await given([])).toMatchObject({ format: "json" })
    expect((await run(["log", "echo"], { env: { PGTRAIL_FORMAT: "ndjson" } })).stdout).toBe('{"jobs":"2"}\n')
  })
})

describe("the database", () => {
  const url = "postgresql://auditor@db.example/app"

  it("of the file comes after --url, PGTRAIL_URL and DATABASE_URL", async () => {
    await write({ url, key: "env:K" })
    expect(await given([])).toMatchObject({ database: `pgtrail.json ${url}` })
    const env = { DATABASE_URL: "postgresql://u@d/d" }
    expect(await given([], { env })).toMatchObject({ database: "DATABASE_URL postgresql://u@d/d" })
    expect(await given(["--url", "postgresql://x@y/z"], { env })).toMatchObject({
      database: "--url postgresql://x@y/z",
    })
  })

  it.each([
    "postgresql://u:tops3cret@h/d",
    "postgresql://h/d?password=tops3cret",
    "host=h password=tops3cret",
    "host=h password = 'tops3cret'",
  ])("never brings its password in the file: %s", async (wrong) => {
    const said = await refused({ url: wrong })
    expect(said).toContain(
      "url has a password in it, which does not belong into this file: give it as password",
    )
    expect(said).not.toContain("tops3cret")
  })

  it("has a password only by reference, and what stands there instead is not repeated", async () => {
    expect(await refused({ url, password: "tops3cret" })).toBe(
      "pgtrail: error: pgtrail.json: password: a key or password is given by reference, never by itself\n" +
        "pgtrail: hint: nothing was done; pgtrail.schema.json lists all keys, and pgtrail COMMAND --help those of a command\n",
    )
    expect(await refused({ url, password: 12345678 })).not.toContain("12345678")
    expect(await refused({ password: "env:P" })).toContain("there is no url beside it")
  })
})

describe("what is wrong in the file", () => {
  it("is told all at once, each with its path", async () => {
    const wrong = {
      jobs: "x",
      formt: "csv",
      format: "yaml",
      quiet: "yes",
      log: { echo: { org: "acme", jobz: 3, tag: "a", age: { warning: true }, state: 5 } },
      key: "file",
      othr: {},
    }
    const said = (await refused(wrong)).split("\n")
    expect(said[0]).toBe("pgtrail: error: pgtrail.json has 11 errors:")
    expect(said.slice(1, 12).sort()).toEqual(
      [
        '  format takes "table", "json", "ndjson", "csv", "short", "xml", "prometheus" or "nagios", not "yaml"',
        "  formt is not known, did you mean format?",
        '  jobs takes a whole number, not "x"',
        "  key: a key or password is given by reference, never by itself",
        "  log.echo.age.warning takes a text or a whole number, not true",
        "  log.echo.jobz is not known, did you mean log.echo.jobs?",
        "  log.echo.org is given on the command line alone",
        "  log.echo.state takes a text, not 5",
        '  log.echo.tag takes a list of texts: ["a", "b"], not "a"',
        "  othr is not known, did you mean other?",
        '  quiet takes true or false, not "yes"',
      ].sort(),
    )
    expect(said[12]).toMatch(/^pgtrail: hint: nothing was done/)
  })

  it.each([
    ["[]", "pgtrail.json: it takes an object {...}, not []"],
    ["null", "pgtrail.json: it takes an object {...}, not null"],
    ['{"log": 3}', "pgtrail.json: log takes an object {...}, not 3"],
    ['{"log": {"echo": []}}', "pgtrail.json: log.echo takes an object {...}, not []"],
    ['{"jobs": -1}', "pgtrail.json: jobs takes a whole number, not -1"],
    ['{"jobs": 1.5}', "pgtrail.json: jobs takes a whole number, not 1.5"],
    ['{"jobs": null}', "pgtrail.json: jobs takes a whole number, not null"],
    ['{"__proto__": {"jobs": 3}}', "pgtrail.json: __proto__ is not known"],
    ['{"constructor": 1}', "pgtrail.json: constructor is not known"],
    ['{"verify": {}, "echo": {"jobs": 1}}', "pgtrail.json has 2 errors:"],
  ])("%s", async (content, message) => {
    expect((await refused(content)).split("\n")[0]).toBe(`pgtrail: error: ${message}`)
  })

  it.each([
    ["", "line 1, column 1: the file ends here"],
    ["{", "line 1, column 2: the file ends here, where a key in double quotes must stand"],
    ['{\n  "jobs": 4,\n}', 'line 3, column 1: unexpected "}", where a key in double quotes must stand'],
    ["{\n  jobs: 4}", 'line 2, column 3: unexpected "j", where a key in double quotes must stand'],
    ["{\n  // no\n}", 'line 2, column 3: unexpected "/", where a key in double quotes must stand'],
    ['{"a": 1 "b": 2}', 'line 1, column 9: unexpected "\\"", where , or } must stand'],
    ['{"a": tru}', 'line 1, column 7: unexpected "t"'],
    ['{"a": 01}', 'line 1, column 8: unexpected "1", where , or } must stand'],
    ['{"a": "x\ny"}', 'line 1, column 7: unexpected "\\""'],
    ['{"a": [1, ]}', 'line 1, column 11: unexpected "]"'],
    ['{"a": 1, "\\u0061": 2}', 'line 1, column 10: the key "\\u0061" stands here a second time'],
    ["{} {}", 'line 1, column 4: unexpected "{" after the end of the configuration'],
    [`${"[".repeat(200)}`, "line 1, column 102: nested too deeply"],
  ])("as JSON is told by line and column: %j", async (content, where) => {
    expect((await refused(content)).split("\n")[0]).toBe(
      `pgtrail: error: pgtrail.json is not valid JSON: ${where}`,
    )
  })

  it("is what JSON.parse refuses too, and nothing else", () => {
    const good = ['{"a":[1,2.5e-3,-0,true,null,{"b":""}],"c":"\\n\\u00e9 é"}', " [ ] ", '"x"', "0"]
    for (const text of good) expect(readJson(text, "f")).toEqual(JSON.parse(text))
    for (const text of ["{'a':1}", "+1", ".5", "1.", "nul", '"\\x"', "[1 2]", '{"a"}', "\u00a0{}"]) {
      expect(() => JSON.parse(text)).toThrow()
      expect(() => readJson(text, "f")).toThrow(/is not valid JSON: line 1, column/)
    }
  })

  it("of a variable names the variable", async () => {
    const said = async (env: Record<string, string>) =>
      (await run(["log", "echo"], { env })).stderr.split("\n")[0]
    expect(await said({ PGTRAIL_JOBS: "many" })).toBe(
      'pgtrail: error: PGTRAIL_JOBS takes a whole number, not "many"',
    )
    expect(await said({ PGTRAIL_QUIET: "maybe" })).toBe(
      'pgtrail: error: PGTRAIL_QUIET takes on or off, not "maybe"',
    )
    expect(await said({ PGTRAIL_LOG_ECHO_KEY: "tops3cret" })).toBe(
      "pgtrail: error: PGTRAIL_LOG_ECHO_KEY: a key or password is given by reference, never by itself",
    )
  })

  it("is warned of where a variable is probably misspelt, and only then", async () => {
    const said = async (env: Record<string, string>) => (await run(["log", "echo", ...key], { env })).stderr
    expect(await said({ PGTRAIL_URI: "postgresql://h/d" })).toBe(
      "pgtrail: warning: the variable PGTRAIL_URI is not known, did you mean PGTRAIL_URL?\n",
    )
    expect(await said({ PGTRAIL_LOG_ECHO_JOB: "3" })).toContain("did you mean PGTRAIL_LOG_ECHO_JOBS?")
    expect(await said({ PGTRAIL_OTHER_JOBS: "3", PGTRAIL_TEST_URL: "x", PGTRAIL_SECRET: "y" })).toBe("")
  })
})

describe("the file", () => {
  const name = async (typed: string | undefined, env: Record<string, string>, system?: string) =>
    (await findFile(typed, { env, cwd }, system))?.shown

  it("is that of --config, PGTRAIL_CONFIG, ./pgtrail.json or the system's: the first that exists", async () => {
    const system = await write({}, "system.json")
    expect(await name(undefined, {}, join(cwd, "absent"))).toBeUndefined()
    expect(await name(undefined, {}, system)).toBe(system)
    await write({})
    expect(await name(undefined, { PGTRAIL_CONFIG: "" }, system)).toBe("pgtrail.json")
    await write({}, "b.json")
    expect(await name(undefined, { PGTRAIL_CONFIG: "b.json" })).toBe("b.json")
    await write({}, "c.json")
    expect(await name("c.json", { PGTRAIL_CONFIG: "b.json" })).toBe("c.json")
  })

  it("must exist where it is named", async () => {
    const said = (await run(["log", "echo", "--config", "absent.json"])).stderr
    expect(said).toContain("there is no configuration file absent.json (--config)")
    const env = { PGTRAIL_CONFIG: "absent.json" }
    expect((await run(["log", "echo"], { env })).stderr).toContain("absent.json (PGTRAIL_CONFIG)")
  })

  it("may begin with a byte order mark and name its schema", async () => {
    await write('\ufeff{"$schema": "./pgtrail.schema.json", "jobs": 3}')
    expect(await given(key)).toMatchObject({ jobs: 3 })
  })

  it("that others can write is refused, also behind a link, and so are folders", async () => {
    const path = await write({ key: "cmd:touch pwned" })
    await chmod(path, 0o664)
    const said = await run(["log", "echo"])
    expect(said).toMatchObject({ exit: 2, stdout: "" })
    expect(said.stderr).toBe(
      "pgtrail: error: the configuration file pgtrail.json can be written by others, whose commands it could run\n" +
        "pgtrail: hint: chmod go-w pgtrail.json\n",
    )
    await symlink(path, join(cwd, "link.json"))
    expect((await run(["log", "echo", "--config", "link.json"])).stderr).toContain("can be written by others")
    expect((await run(["log", "echo", "--config", "."])).stderr).toContain(
      "the configuration file . is a folder",
    )
    expect((await run(["log", "echo", "--config", "/dev/null"])).stderr).toContain("is not a file")
  })

  it("runs no command where it was only found, and not named", async () => {
    await write({ key: "cmd:touch pwned" })
    expect(await run(["log", "echo"])).toMatchObject({
      exit: 2,
      stderr:
        "pgtrail: error: pgtrail.json runs a command (cmd:), and it was only found where you stand\n" +
        "pgtrail: hint: read it first, then name it: --config pgtrail.json\n",
    })
    expect(await given(["--config", "pgtrail.json"])).toMatchObject({ key: "cmd:touch pwned" })
    expect(await given([], { env: { PGTRAIL_CONFIG: "pgtrail.json" } })).toMatchObject({
      key: "cmd:touch pwned",
    })
  })

  it.runIf(process.getuid?.() === 0)("of another user is refused", async () => {
    const { chown } = await import("node:fs/promises")
    await chown(await write({}), 65_534, 65_534)
    expect((await run(["log", "echo"])).stderr).toContain(
      "belongs to another user, whose commands it could run",
    )
  })
})

describe("the commands", () => {
  it("let nothing be configured that confirms, narrows, widens or only previews what is done", async () => {
    const { allItems, loadAll } = await import("../../src/cli/config/items.js")
    const never =
      /^(org|since|until|from|confirm|dry-run|print-sql|all|reason|record|roles|strict|checkpoint|out|requested-by|limit)$/
    const items = allItems(await loadAll(commands)).map(({ path }) => path.join("."))
    expect(items).toEqual(expect.arrayContaining(["url", "password", "format", "jobs", "verify.jobs"]))
    expect(items.filter((path) => never.test(path.split(".").at(-1) ?? ""))).toEqual([])
  })

  it("agree with the schema that is shipped", async () => {
    const { loadAll } = await import("../../src/cli/config/items.js")
    const { jsonSchema, readValues } = await import("../../src/cli/config/schema.js")
    const all = await loadAll(commands)
    const schema = JSON.parse(jsonSchema(all))
    expect(schema).toMatchObject({
      additionalProperties: false,
      properties: {
        url: { type: "string", description: expect.stringContaining("the database") },
        format: { enum: ["table", "json", "ndjson", "csv", "short", "xml", "prometheus", "nagios"] },
        verify: { additionalProperties: false, properties: { jobs: { type: "integer", minimum: 0 } } },
        checkpoint: { properties: { create: { properties: { key: { type: "string" } } } } },
      },
    })
    const good = { url: "postgresql://h/d", verify: { jobs: 4 }, checkpoint: { create: { key: "env:K" } } }
    expect(readValues(good, all, "f").get("checkpoint.create.key")).toBe("env:K")
  })
})
