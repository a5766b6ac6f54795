// What pgtrail tail says word by word, and what it leaves behind: a cursor that is written only when what it tells of was printed.
import { spawn } from "node:child_process"
import { existsSync, writeFileSync } from "node:fs"
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Writable } from "node:stream"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"
import { type Around, type Ran, runInProcess } from "./io.js"
import { expectTranscript } from "./transcript.js"

const root = join(import.meta.dirname, "../..")
let db: TestDatabase
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pgtrail-tail-"))
  db = await testDatabase()
})
afterAll(async () => {
  await rm(folder, { recursive: true })
  await db.drop()
})

it("tail.txt", async () => {
  await expectTranscript(join(import.meta.dirname, "tail.txt"), {
    url: db.url,
    cwd: folder,
    sql: (statement) => db.query(statement),
  })
  await db.query(
    "set session_replication_role = replica; truncate pgtrail.event; reset session_replication_role",
  )
})

const append = (organization: string, count: number) =>
  db.query(
    "insert into pgtrail.event (organization_id, event_type, description) select $1, 'a', repeat('x', 200) from generate_series(1, $2::int)",
    [organization, count],
  )

const fields = ["--fields", "event", "--quiet"]
const tail = (argv: readonly string[], around: Around = {}): Promise<Ran> =>
  runInProcess(["tail", ...argv, ...fields], { env: { PGTRAIL_URL: db.url }, cwd: folder, ...around })

const lines = (text: string): string[] => text.split("\n").filter((line) => line !== "")
const places = (organization: string, first: number, last: number): string[] =>
  Array.from({ length: last - first + 1 }, (_, at) => `${organization}/0/${first + at}`)

/** Takes what is printed until so many lines have come, then does something else. */
function whenPrinted(
  count: number,
  then: (written: string) => Error | undefined,
): { stdout: Writable; text(): string } {
  let text = ""
  const stdout = new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _, done) {
      const was = lines(text).length
      text += chunk
      const problem = was < count && lines(text).length >= count ? then(text) : undefined
      done(problem)
    },
  })
  stdout.on("error", () => undefined)
  return { stdout, text: () => text }
}

describe("--cursor-file", () => {
  const signal = (name: string) => Object.assign(new Error(name), { code: name })

  it("goes on behind what was printed, in every form of the answer", async () => {
    await append("forms", 5)
    const run = ["--org", "forms", "-n", "all", "--cursor-file", "forms.cursor"]
    expect(lines((await tail(run)).stdout)).toEqual(places("forms", 1, 5))
    let seq = 6
    for (const format of ["csv", "ndjson", "json", "xml", "table", "short"]) {
      await append("forms", 2)
      const { stdout, exit } = await tail([...run, "--format", format])
      expect(exit).toBe(0)
      expect(stdout.match(/forms\/0\/\d+/g)).toEqual(places("forms", seq, seq + 1))
      seq += 2
    }
    expect((await readdir(folder)).filter((name) => name.startsWith("forms"))).toEqual(["forms.cursor"])
  })

  it("is the same with filters and other options in another order, and with a time that goes with the clock", async () => {
    await append("same", 1)
    expect(
      (await tail(["--org", "same", "--org", "x", "--since", "-2h", "--cursor-file", "same.cursor"])).stdout,
    ).toBe("same/0/1\n")
    await append("same", 1)
    expect(
      (
        await tail([
          "--cursor-file",
          "same.cursor",
          "--since",
          "-2h",
          "--org",
          "x",
          "--org",
          "same",
          "-n",
          "5",
        ])
      ).stdout,
    ).toBe("same/0/2\n")
    expect(
      await tail(["--cursor-file", "same.cursor", "--since", "-3h", "--org", "x", "--org", "same"]),
    ).toMatchObject({ exit: 2, stdout: "" })
  })

  it("cut off, empty, of something else or of another log it is refused, and nothing is printed", async () => {
    await append("cut", 3)
    const run = ["--org", "cut", "--cursor-file", "cut.cursor"]
    await tail(run)
    const whole = await readFile(join(folder, "cut.cursor"), "utf8")
    for (const text of [
      whole.slice(0, -5),
      whole.slice(0, 40),
      "",
      "{}",
      "null",
      '{"schema":"pgtrail.cursor/1"}',
      "\0\xff",
    ]) {
      await writeFile(join(folder, "cut.cursor"), text)
      const ran = await tail(run)
      expect(ran).toMatchObject({ exit: 3, stdout: "" })
      expect(ran.stderr).toMatch(/cut\.cursor is damaged.*\n.*nothing was printed/)
    }
    await writeFile(
      join(folder, "cut.cursor"),
      whole.replace(/"log":"[^"]*"/, '"log":"0199aaf0-7c1e-7b2c-9a55-3f0d2c1b7e11"'),
    )
    const other = await tail(run)
    expect(other).toMatchObject({ exit: 3, stdout: "" })
    expect(other.stderr).toContain("is of log")
    await writeFile(
      join(folder, "cut.cursor"),
      whole.replace(/"3","[0-9a-f]{64}"/, `"3","${"0".repeat(64)}"`),
    )
    expect(await tail(run)).toMatchObject({
      exit: 1,
      stdout: "",
      stderr: expect.stringContaining("the log was set back"),
    })
  })

  it("is not written where the answer could not be: a full disk, a reader that went away", async () => {
    await append("full", 400)
    const run = ["--org", "full", "-n", "all", "--cursor-file", "full.cursor"]
    for (const [code, exit] of [
      ["ENOSPC", 3],
      ["EPIPE", 0],
    ] as const) {
      const { stdout } = whenPrinted(3, () => signal(code))
      const ran = await tail(run, { stdout })
      expect(ran.exit).toBe(exit)
      expect(existsSync(join(folder, "full.cursor"))).toBe(false)
    }
    expect(lines((await tail(run)).stdout)).toEqual(places("full", 1, 400))
  })

  it("after Ctrl-C is right to the event, with 130", async () => {
    await append("stop", 1500)
    const run = [
      "--org",
      "stop",
      "-n",
      "all",
      "--cursor-file",
      "stop.cursor",
      "--fields",
      "event,description",
    ]
    const options = { env: { PGTRAIL_URL: db.url }, cwd: folder }
    const seen: string[] = []
    const printed = (text: string) => seen.push(...lines(text).map((line) => line.split(" ")[0] ?? ""))
    for (const reason of ["SIGINT", "SIGTERM", "SIGINT"]) {
      const stop = new AbortController()
      const { stdout, text } = whenPrinted(100, () => {
        stop.abort(reason)
        return undefined
      })
      const ran = await runInProcess(["tail", ...run, "-f"], { ...options, stdout, signal: stop.signal })
      expect(ran.exit).toBe(reason === "SIGINT" ? 130 : 143)
      printed(text())
    }
    expect(seen.length).toBeLessThan(1500)
    printed((await runInProcess(["tail", ...run, "--quiet"], options)).stdout)
    expect(seen).toEqual(places("stop", 1, 1500))
  })

  it("that another run has written meanwhile is not written over", async () => {
    await append("two", 1)
    const run = ["--org", "two", "-n", "all", "--cursor-file", "two.cursor"]
    const { stdout } = whenPrinted(1, () => {
      // At once: what is written after the run has saved is another case.
      writeFileSync(join(folder, "two.cursor"), "another's")
      return undefined
    })
    const stop = new AbortController()
    const first = tail([...run, "-f"], { stdout, signal: stop.signal })
    const ran = await first
    expect(ran).toMatchObject({ exit: 5, stderr: expect.stringContaining("another run has written") })
    expect(await readFile(join(folder, "two.cursor"), "utf8")).toBe("another's")
  })

  it("begun with other filters, or that cannot be written, is refused before anything is printed", async () => {
    await append("shut", 1)
    await tail(["--org", "shut", "--cursor-file", "shut.cursor"])
    for (const [argv, exit, words] of [
      [["--cursor-file", "shut.cursor"], 2, "shut.cursor was begun with other filters"],
      [
        ["--org", "shut", "--severity", "info", "--cursor-file", "shut.cursor"],
        2,
        "was begun with other filters",
      ],
      [["--cursor-file", "no/such/folder.cursor"], 3, "no such file or folder"],
      [["--cursor-file", "."], 3, "it is a folder"],
      [["--cursor-file", ""], 2, "takes a file name"],
    ] as const) {
      expect(await tail(argv)).toMatchObject({ exit, stdout: "", stderr: expect.stringContaining(words) })
    }
  })
})

describe.skipIf(!existsSync(join(root, "dist/cli.cjs")))("a process", () => {
  it("that is killed between printing and writing repeats what it printed last, and loses nothing", async () => {
    await append("kill", 2000)
    const argv = [
      join(root, "bin/pgtrail.js"),
      "tail",
      "-f",
      "--org",
      "kill",
      "-n",
      "all",
      "--cursor-file",
      "kill.cursor",
      ...fields,
    ]
    const env = { PATH: process.env.PATH, HOME: "/nonexistent", PGTRAIL_URL: db.url }
    const printed: string[] = []
    for (let round = 1; round <= 3; round += 1) {
      const child = spawn(process.execPath, argv, { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] })
      let text = ""
      for await (const chunk of child.stdout) {
        text += chunk
        if (lines(text).length >= round * 300) child.kill("SIGKILL")
      }
      const own = text.slice(0, text.lastIndexOf("\n"))
      const [first = ""] = lines(own)
      // Where it begins again, it has been before, or it is the next.
      const seqs = lines(own).map((place) => Number(place.split("/").at(-1)))
      expect(seqs).toEqual(Array.from(seqs, (_, at) => (seqs[0] ?? 0) + at))
      if (printed.length > 0) expect([...printed, `kill/0/${printed.length + 1}`]).toContain(first)
      for (const place of lines(own)) if (!printed.includes(place)) printed.push(place)
    }
    const { stdout } = await tail(["--org", "kill", "-n", "all", "--cursor-file", "kill.cursor"])
    for (const place of lines(stdout)) if (!printed.includes(place)) printed.push(place)
    expect(printed).toEqual(places("kill", 1, 2000))
  }, 60_000)
})
