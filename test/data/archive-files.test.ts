// Archives as files: what is written can be read back and checked, encrypted too, and nothing is left of what could not be written.
import { execFileSync } from "node:child_process"
import { cpSync, readFileSync, truncateSync, writeFileSync } from "node:fs"
import { gunzipSync, gzipSync } from "node:zlib"
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { readIdentities } from "../../src/data/archive/age.js"
import { checkArchive } from "../../src/data/archive/check.js"
import { archiveRows, findArchives } from "../../src/data/archive/read.js"
import { type WriteOptions, writeArchive } from "../../src/data/archive/write.js"
import { sha256 } from "../../src/data/canonical.js"
import { TrailError } from "../../src/data/errors.js"
import type { Store } from "../../src/data/store/store.js"
import { chainKey } from "../../src/data/verify/row.js"
import { about, events, type FilesRig, filesRig, inPieces, name, told } from "./archive-files-fixture.js"

let rig: FilesRig
let store: Store
let rows: Buffer
const keyId = { secret: "", recipient: "" }
beforeAll(async () => {
  rig = await filesRig()
  store = rig.store
  rows = rig.rows
  const { generateIdentity, identityToRecipient } = await import("age-encryption")
  keyId.secret = await generateIdentity()
  keyId.recipient = await identityToRecipient(keyId.secret)
})
afterAll(() => rig?.close())
beforeEach(() => rig.clear())
const path: FilesRig["path"] = (...given) => rig.path(...given)
const write: FilesRig["write"] = (...given) => rig.write(...given)

test("what was written is intact, has the same bytes, and says what is in it", async () => {
  const written = await write()
  expect(gunzipSync(readFileSync(path(events)))).toEqual(rows)
  const check = await checkArchive(store, name)
  expect(check).toMatchObject({
    verdict: "intact",
    findings: [],
    events: 400,
    records: written.records,
    manifestSha256: sha256(readFileSync(path("manifest.json"))).toString("hex"),
    manifest: written.manifest,
  })
  expect(written.manifest).toMatchObject({
    events: "400",
    lanes: [
      { first: "1", last: "200" },
      { first: "1", last: "200" },
    ],
  })
  expect(written.bytes).toBe(
    ((await store.size(`${name}/${events}`)) ?? 0n) + ((await store.size(`${name}/manifest.json`)) ?? 0n),
  )
  const parts: Buffer[] = []
  for await (const chunk of archiveRows(store, written.manifest)) parts.push(chunk)
  expect(Buffer.concat(parts)).toEqual(rows)
  const names: string[] = []
  for await (const found of findArchives(store)) names.push(found)
  expect(names).toEqual([name])
  expect(await checkArchive(store, name, { quick: true })).toMatchObject({
    verdict: "whole",
    records: undefined,
  })
})

test("hashes at places that somebody knows are told", async () => {
  await write()
  const [row] = await rig.db.query(
    "select lane, encode(hash, 'hex') as hash from pgtrail.event where organization_id = 'acme' and seq = 7",
  )
  const chain = chainKey("acme", row?.lane ?? "")
  const { hashes } = await checkArchive(store, name, { known: new Map([[chain, new Set([7, 999])]]) })
  expect([...hashes.entries()].map(([key, found]) => [key, [...found]])).toEqual([[chain, [[7, row?.hash]]]])
})

describe("encrypted", () => {
  const options = (): WriteOptions => ({ recipients: [keyId.recipient] })

  test("it opens with the key, is told to be unread without it, and what lies there is summed up all the same", async () => {
    const written = await write(options())
    expect(written.manifest.files).toMatchObject([
      { name: `${events}.age`, age: { recipients: [keyId.recipient] } },
    ])
    const identities = await readIdentities(`# a comment\n${keyId.secret}\n`)
    expect(await checkArchive(store, name, { identities })).toMatchObject({
      verdict: "intact",
      events: 400,
      records: written.records,
    })
    expect(await checkArchive(store, name)).toMatchObject({
      verdict: "incomplete",
      events: 0,
      findings: [{ kind: "encrypted" }],
    })
    const { generateIdentity } = await import("age-encryption")
    const other = { identities: [await generateIdentity()] }
    expect(await checkArchive(store, name, other)).toMatchObject({
      verdict: "incomplete",
      findings: [{ kind: "encrypted" }],
    })
    const parts: Buffer[] = []
    for await (const chunk of archiveRows(store, written.manifest, { identities })) parts.push(chunk)
    expect(Buffer.concat(parts)).toEqual(rows)
    const rejected = async (given: readonly string[]) => {
      for await (const _ of archiveRows(store, written.manifest, { identities: given }));
    }
    await expect(rejected([])).rejects.toMatchObject({ code: "config" })
    await expect(rejected(other.identities)).rejects.toMatchObject({ code: "config" })

    const bytes = readFileSync(path(`${events}.age`))
    bytes[bytes.length - 100] = (bytes.at(-100) ?? 0) ^ 1
    writeFileSync(path(`${events}.age`), bytes)
    for (const keys of [identities, [], other.identities]) {
      const check = await checkArchive(store, name, { identities: keys })
      expect(check.verdict).toBe("tampered")
      expect(told(check).join("\n")).toContain("its sha256 is not that of the manifest")
    }
    truncateSync(path(`${events}.age`), 2000)
    expect(told(await checkArchive(store, name, { identities })).join("\n")).toMatch(
      /cut off.*\n.*it has 2000 bytes/,
    )
    await expect(rejected(identities)).rejects.toMatchObject({ code: "broken" })
  })

  test("a recipient or a key that is none is refused before anything is written, without being repeated", async () => {
    for (const recipient of ["", "x", "age1", "age1notarecipient0000000000000000000", keyId.secret]) {
      const failure = await write({ recipients: [recipient] }).catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: "usage" })
      expect(String(failure)).not.toContain(keyId.secret)
    }
    for (const text of ["", "# nothing", "AGE-SECRET-KEY-1QQQ", keyId.recipient]) {
      await expect(readIdentities(text)).rejects.toMatchObject({ code: "config" })
    }
    expect(await store.size(`${name}/manifest.json`)).toBeUndefined()
  })
})

describe("nothing is left of an archive that could not be written", () => {
  const left = async () => {
    const keys: string[] = []
    for await (const { key } of store.list("")) keys.push(key)
    for await (const { key } of store.unfinished("")) keys.push(key)
    return keys
  }
  const line = (edit: (text: string) => string): Buffer => Buffer.from(edit(rows.toString()))

  test.each([
    [
      "an event that does not verify",
      () => line((text) => text.replace('{"i": 300}', '{"i": 301}')),
      "its hash does not fit it",
    ],
    [
      "an event twice",
      () => line((text) => `${text}${text.split("\n")[3]}\n`),
      "another event of this place",
    ],
    ["rows that end in the middle", () => line((text) => text.slice(0, -5)), "ended in the middle"],
    ["no events", () => Buffer.alloc(0), "there are no events"],
    ["a line that is no event", () => line((text) => text.replace("\t", "")), "is no event"],
  ])("%s", async (_, content, message) => {
    await expect(write({}, name, content())).rejects.toThrow(message)
    expect(await left()).toEqual([])
  })

  test("a source or a store that fails at any step", async () => {
    const broken = async function* (): AsyncGenerator<Buffer> {
      yield rows.subarray(0, 5000)
      throw new TrailError("connection-lost", "the connection broke")
    }
    await expect(writeArchive(store, broken(), await about(rig.db, name))).rejects.toMatchObject({
      code: "connection-lost",
    })
    expect(await left()).toEqual([])
    for (const fails of ["put events", "put manifest", "get events", "get manifest", "other events"]) {
      const [verb, file = ""] = fails.split(" ")
      const failing: Store = {
        ...store,
        async put(key, content, options) {
          if (verb === "put" && key.includes(file)) {
            for await (const _ of content) throw new TrailError("disk-full", "no space")
          }
          return store.put(key, content, options)
        },
        async get(key, options) {
          if (verb === "get" && key.includes(file)) throw new TrailError("file", "cannot be read")
          return verb === "other" && key.includes(file) ? inPieces(gzipSync("x\n")) : store.get(key, options)
        },
      }
      await expect(
        writeArchive(failing, inPieces(rows), await about(rig.db, name)),
        fails,
      ).rejects.toBeInstanceOf(TrailError)
      expect(await left(), fails).toEqual([])
    }
  })

  test("an abort, and a name that is taken, which stays as it is", async () => {
    const abort = new AbortController()
    const options = {
      signal: abort.signal,
      progress: (done: number) => done > 100 && abort.abort(new Error("stopped")),
    }
    await expect(write(options)).rejects.toThrow()
    expect(await left()).toEqual([])
    await write()
    await expect(write({}, name, rig.others)).rejects.toMatchObject({ code: "exists" })
    expect(await checkArchive(store, name)).toMatchObject({ verdict: "intact", events: 400 })
  })
})

test("a check that is stopped stops, and says nothing of the archive", async () => {
  await write()
  const abort = new AbortController()
  const options = { signal: abort.signal, progress: () => abort.abort(new Error("stopped")) }
  await expect(checkArchive(store, name, options)).rejects.toThrow("stopped")
})

test("a store that cannot be read is no finding", async () => {
  await write()
  const failing: Store = {
    ...store,
    async get(key, options) {
      if (key.includes("manifest")) return store.get(key, options)
      return (async function* () {
        yield readFileSync(path(events)).subarray(0, 1000)
        throw new TrailError("unreachable", "the store does not answer")
      })()
    },
  }
  await expect(checkArchive(failing, name)).rejects.toMatchObject({ code: "unreachable" })
})

test("the tool gzip opens it", async () => {
  await write({ level: 9 })
  cpSync(path(events), path("copy.gz"))
  expect(execFileSync("gzip", ["-dc", path("copy.gz")])).toEqual(rows)
})
