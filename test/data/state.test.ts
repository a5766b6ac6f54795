// The auditor's state file: it begins, goes forward and never back, whole or not at all, whoever else writes it.
import { execFile } from "node:child_process"
import { readdirSync } from "node:fs"
import { mkdir, readFile, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, expect, test } from "vitest"
import { type Anchor, readState, writeState } from "../../src/data/checkpoint/anchor.js"
import { folder, head, keyPair, statementOf, writeCheckpoint } from "./checkpoint-fixture.js"
import { failureOf } from "./failure.js"

const { path, remove } = folder()
afterAll(remove)

const heads = [head("acme", "0", "3"), head("tab\there", "1", "2")]
const hash = "cd".repeat(32)
const anchor = (seq: string | null, more: Partial<Anchor> = {}): Anchor => ({
  ...statementOf(heads, { act: seq === null ? null : { seq, hash } }),
  name: "a verification",
  source: "state",
  heads,
  ...more,
})
const time = (second: number) => `2026-11-21T09:30:${String(second).padStart(2, "0")}.000000Z`

test("nothing is known before the first use, and then what was written", async () => {
  const file = path("first.state")
  expect(await readState(file)).toBeUndefined()
  await writeState(file, anchor("7"))
  expect(await readState(file)).toEqual({ ...anchor("7"), name: "the state first.state" })
  await writeState(path("empty.state"), { ...anchor(null), ...statementOf([], { act: null }), heads: [] })
  expect(await readState(path("empty.state"))).toMatchObject({ lanes: "0", act: null, heads: [] })
})

test("it goes forward by incarnation, then act, then time, and never back", async () => {
  const file = path("forward.state")
  const later = [
    anchor(null, { time: time(1) }),
    anchor("7", { time: time(5) }),
    anchor("7", { time: time(6) }),
    anchor("10", { time: time(6) }),
    // A restore takes acts away, and the clock of the server too.
    anchor("4", { time: time(2), incarnation: "2" }),
    anchor("5", { time: time(3), incarnation: "3", logId: "6f1c3e52-0d0b-4b3a-9a51-7c2f7ce0a002" }),
  ]
  for (const [at, next] of later.entries()) {
    await writeState(file, next)
    expect(await readState(file)).toMatchObject({
      act: next.act,
      time: next.time,
      incarnation: next.incarnation,
    })
    const bytes = await readFile(file)
    for (const earlier of later.slice(0, at).filter(({ logId }) => logId === next.logId)) {
      await writeState(file, earlier)
      expect(await readFile(file)).toEqual(bytes)
    }
    await writeState(file, next)
    expect(await readFile(file)).toEqual(bytes)
  }
})

test("one of another log is refused and stays", async () => {
  const file = path("other.state")
  await writeState(file, anchor("7"))
  const stranger = anchor("9", { logId: "6f1c3e52-0d0b-4b3a-9a51-7c2f7ce0a002" })
  const error = await failureOf(writeState(file, stranger))
  expect(error).toMatchObject({ code: "other-log" })
  expect(error.message).toContain(file)
  expect(await readState(file)).toMatchObject({ act: { seq: "7" } })
})

test("one that was cut off anywhere, edited or replaced is damaged, and never taken for the first use", async () => {
  const file = path("damaged.state")
  await writeState(file, anchor("7"))
  const whole = await readFile(file, "utf8")
  const odd = [
    whole.replace("\t3\t", "\t2\t"),
    whole.replace(/[0-9a-f]\n$/, "\n"),
    `${whole}more\t0\t1\t${hash}\n`,
    whole.replace("lanes 2", "lanes 3"),
    whole.replaceAll("\n", "\r\n"),
    "x".repeat(100_000),
    ...Array.from({ length: whole.length }, (_, size) => whole.slice(0, size)),
  ]
  for (const content of odd) {
    await writeFile(file, content)
    const error = await failureOf(readState(file))
    expect(error).toMatchObject({ code: "file" })
    expect(error.message).toContain(`the state ${file} is damaged`)
    expect(error.message + error.hint).not.toMatch(/acme|6f1c3e52/)
  }
  expect(await failureOf(writeState(file, anchor("9")))).toMatchObject({ code: "file" })
  expect(await readFile(file, "utf8")).toBe(odd.at(-1))
})

test("a checkpoint is told from a damaged state, with or without lanes, and stays what it is", async () => {
  for (const [name, list] of [
    ["given.checkpoint", heads],
    ["empty.checkpoint", []],
  ] as const) {
    writeCheckpoint(path(name), list, keyPair("audit \u00e9".replace(" ", ".")))
    const bytes = await readFile(path(name))
    for (const failed of [readState(path(name)), writeState(path(name), anchor("9"))]) {
      const error = await failureOf(failed)
      expect(error).toMatchObject({ code: "file", message: `${path(name)} is a checkpoint, and not a state` })
      expect(error.hint).toContain(`--checkpoint ${path(name)}`)
    }
    expect(await readFile(path(name))).toEqual(bytes)
  }
})

test("an organization whose name looks like a signature is no checkpoint", async () => {
  const list = [head("\u2014 audit.example AAAA", "0", "3")]
  const file = path("odd.state")
  await writeState(file, { ...anchor("7"), ...statementOf(list, { act: { seq: "7", hash } }), heads: list })
  expect((await readState(file))?.heads).toEqual(list)
})

test("a folder is told from a damaged state, and nothing is written into it", async () => {
  await mkdir(path("folder"))
  for (const failed of [readState(path("folder")), writeState(path("folder"), anchor("9"))]) {
    const error = await failureOf(failed)
    expect(error).toMatchObject({ code: "file", message: `${path("folder")} is a folder, and not a state` })
    expect(error.hint).toContain("name a file in it")
  }
  expect(readdirSync(path("folder"))).toEqual([])
})

test("what a killed run has half written is not the state", async () => {
  const file = path("half.state")
  await writeState(file, anchor("7"))
  await writeFile(`${file}.0123456789ab.tmp`, "pgtrail/6f1c")
  expect(await readState(file)).toMatchObject({ act: { seq: "7" } })
  await writeState(file, anchor("8"))
  expect(await readState(file)).toMatchObject({ act: { seq: "8" } })
})

test("many writers at once leave the newest, whole, and nothing beside it", async () => {
  await mkdir(path("many"))
  const file = path("many/many.state")
  const order = Array.from({ length: 40 }, (_, at) => (at * 17) % 40)
  await Promise.all(order.map((seq) => writeState(file, anchor(String(seq + 1)))))
  expect(await readState(file)).toMatchObject({ act: { seq: "40" } })
  expect(readdirSync(path("many"))).toEqual(["many.state"])
})

test("two processes that write at once leave the newest", async () => {
  await mkdir(path("processes"))
  const file = path("processes/two.state")
  const bundle = path("processes/state.mjs")
  const { build } = await import("esbuild")
  await build({
    entryPoints: [join(import.meta.dirname, "../../src/data/checkpoint/state.ts")],
    bundle: true,
    platform: "node",
    format: "esm",
    outfile: bundle,
    external: ["pg*"],
  })
  const write = (first: number) =>
    promisify(execFile)(process.execPath, [
      "--input-type=module",
      "-e",
      `import { writeState } from ${JSON.stringify(bundle)}
       const anchor = ${JSON.stringify(anchor("0"))}
       for (let seq = ${first}; seq <= 60; seq += 2) await writeState(${JSON.stringify(file)}, { ...anchor, act: { seq: String(seq), hash: anchor.act.hash } })`,
    ])
  await Promise.all([write(1), write(2)])
  expect(await readState(file)).toMatchObject({ act: { seq: "60" } })
})

test("a lock that a killed run has left is named, after a while, and nothing was changed", {
  timeout: 30_000,
}, async () => {
  const file = path("locked.state")
  await writeFile(`${file}.lock`, "")
  const error = await failureOf(writeState(file, anchor("7"), 100))
  expect(error).toMatchObject({ code: "busy" })
  expect(error.hint).toContain(`delete ${file}.lock`)
  await expect(stat(file)).rejects.toMatchObject({ code: "ENOENT" })
})

test("one that cannot be written says so", async () => {
  expect(await failureOf(writeState(path("none/a.state"), anchor("7")))).toMatchObject({ code: "file" })
  await mkdir(path("folder.state"))
  expect(await failureOf(readState(path("folder.state")))).toMatchObject({ code: "file" })
})
