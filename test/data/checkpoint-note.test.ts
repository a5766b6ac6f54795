// A checkpoint's note: what opens, and every way in which it can have been edited, cut or signed by somebody else.
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { basename } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { openCheckpoint } from "../../src/data/checkpoint/anchor.js"
import { body, readBody } from "../../src/data/checkpoint/statement.js"
import { keyPair, noteOf, statementOf, writeCheckpoint } from "./checkpoint-fixture.js"
import { goodCheckpoints } from "./checkpoint-good.js"
import { failureOf } from "./failure.js"

const { path, remove, pair, keys, heads, good, edit, refused } = goodCheckpoints()
afterAll(remove)

test("what was signed opens, to the byte, with every organization's name", async () => {
  const file = good()
  const checkpoint = await openCheckpoint(file, keys)
  expect(checkpoint).toEqual({
    ...statementOf(heads),
    name: `checkpoint ${basename(file)}`,
    source: "checkpoint",
    heads,
    key: pair.verifier,
    note: await readFile(file, "utf8"),
  })
  expect(checkpoint.events).toBe("9007199254741014")
})

test("a log without events has a checkpoint too", async () => {
  const file = path("empty.checkpoint")
  writeCheckpoint(file, [], pair)
  expect(await openCheckpoint(file, keys)).toMatchObject({ lanes: "0", events: "0", heads: [] })
  await writeFile(`${file}.heads`, "acme\t0\t1\t")
  await refused(file, "forged", /more than the 0 lanes/)
})

describe("the note", () => {
  test("with signatures of others opens, whoever of them is known, and is refused where none is", async () => {
    const other = keyPair("other")
    const file = good()
    await writeFile(file, noteOf(body(statementOf(heads)), keyPair("third"), other, pair))
    expect((await openCheckpoint(file, keys)).key.name).toBe(pair.key.name)
    expect((await openCheckpoint(file, [other.verifier])).key.name).toBe("other")
    await refused(file, "config", /none of the public keys made its signature/, [keyPair().verifier])
    await refused(file, "config", /none of the public keys/, [])
  })

  test("by a key that had expired, or was not valid yet, is refused", async () => {
    for (const period of [" until=2026-11-21T09:30:00Z", " since=2026-11-21T09:30:01Z"]) {
      const bounded = keyPair("bounded", period)
      const file = path(`${bounded.key.keyId}.checkpoint`)
      writeCheckpoint(file, heads, bounded)
      await refused(
        file,
        "forged",
        /the key bounded \([0-9a-f]{8}\) was not valid at 2026-11-21T09:30:00\.000001Z/,
        [bounded.verifier],
      )
    }
  })

  test.each([
    [
      "another number of events",
      (text: string) => text.replace("\n9007199254741014\n", "\n9007199254741013\n"),
    ],
    ["another time", (text: string) => text.replace("time 2026", "time 2027")],
    ["another log", (text: string) => text.replace("6f1c3e52", "6f1c3e53")],
    ["a line more", (text: string) => text.replace("\n\n", "\nmore\n\n")],
    ["a line less", (text: string) => text.replace(/lanes \d+\n/, "")],
    ["a byte-order mark", (text: string) => `\ufeff${text}`],
  ])("edited (%s) is forged", async (_, change) => {
    const file = good()
    await edit(file, change)
    await refused(file, "forged", /is not accepted: the signature of .* does not fit the text/)
  })

  test("cut off anywhere is refused, and never opens", async () => {
    const file = good()
    const whole = await readFile(file)
    for (let size = 0; size < whole.length; size += 1) {
      await writeFile(file, whole.subarray(0, size))
      expect((await failureOf(openCheckpoint(file, keys))).code).toBe("forged")
    }
  })

  test("with any one byte changed is refused, and never opens", async () => {
    const file = good()
    const whole = await readFile(file)
    for (let at = 0; at < whole.length; at += 1) {
      const changed = Buffer.from(whole)
      changed[at] = (changed[at] ?? 0) ^ 1
      await writeFile(file, changed)
      // A changed name or id is that of a key which nobody knows.
      expect(["forged", "config"]).toContain((await failureOf(openCheckpoint(file, keys))).code)
    }
  })

  test("whose line ends were converted says so", async () => {
    const file = good()
    await edit(file, (text) => text.replaceAll("\n", "\r\n"))
    await refused(file, "forged", /its line ends were converted to CRLF/)
  })

  test("that is no UTF-8, or no note, is forged", async () => {
    const file = good()
    await writeFile(file, Buffer.of(0xff, 0x0a, 0x0a))
    await refused(file, "forged", /it is not UTF-8/)
    await writeFile(file, "some other file\n")
    await refused(file, "forged", /it has no signature: it was cut off, or never was one/)
  })

  test("that is signed, but is no checkpoint, is refused: the key may sign acts as well", async () => {
    const file = good()
    await writeFile(file, noteOf("pgtrail act\n6f1c3e52-0d0b-4b3a-9a51-7c2f7ce0a001\n3\nq6ur\n", pair))
    await refused(file, "file", /its text is not that of a checkpoint/)
  })

  test.each([
    ["counts with a leading zero", (text: string) => text.replace("lanes ", "lanes 0")],
    ["an incarnation 0", (text: string) => text.replace("/1\n", "/0\n")],
    ["a digest that is too short", (text: string) => text.replace(/\n[\w+/]{43}=\n/, "\nAAAA\n")],
    ["a time without fraction", (text: string) => text.replace(".000001Z", "Z")],
    ["a line that is unknown", (text: string) => `${text}extension 1\n`],
  ])("signed with %s is refused: a statement has one form", async (_, change) => {
    const file = good()
    await writeFile(file, noteOf(change(body(statementOf(heads))), pair))
    await refused(file, "file", /its text is not that of a checkpoint/)
  })

  test("cannot be read where it is missing, or a folder", async () => {
    await refused(path("missing"), "file", /cannot read .*: no such file or folder/)
    await mkdir(path("folder"))
    await refused(path("folder"), "file", /cannot read .*: it is a folder/)
  })
})

test("a statement has one text, with or without an act", () => {
  for (const more of [{}, { act: null }, { incarnation: "12", time: "12026-11-21T09:30:00.000000Z" }]) {
    const statement = statementOf(heads, more)
    expect(readBody(body(statement))).toEqual(statement)
  }
})
