// Whatever is done to an archive is found and named, by its files alone.
import { readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { gunzipSync, gzipSync } from "node:zlib"
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { checkArchive } from "../../src/data/archive/check.js"
import type { ArchiveManifest } from "../../src/data/archive/manifest.js"
import { archiveRows, readArchiveManifest } from "../../src/data/archive/read.js"
import { sha256 } from "../../src/data/canonical.js"
import { TrailError } from "../../src/data/errors.js"
import { writeManifest } from "../../src/data/manifest-form.js"
import type { Store } from "../../src/data/store/store.js"
import { events, type FilesRig, filesRig, name, second, told } from "./archive-files-fixture.js"

let rig: FilesRig
let store: Store
beforeAll(async () => {
  rig = await filesRig()
  store = rig.store
})
afterAll(() => rig?.close())
beforeEach(() => rig.clear())
const path: FilesRig["path"] = (...given) => rig.path(...given)
const write: FilesRig["write"] = (...given) => rig.write(...given)

/** Alters the text that is compressed, and the manifest so that sizes and sums fit. */
async function rewritten(
  edit: (text: string) => string,
  suit: (manifest: ArchiveManifest) => object = (m) => m,
) {
  const text = Buffer.from(edit(gunzipSync(readFileSync(path(events))).toString()))
  const gzip = gzipSync(text)
  writeFileSync(path(events), gzip)
  const { manifest } = await readArchiveManifest(store, name)
  const sum = (bytes: Buffer) => ({ bytes: String(bytes.length), sha256: sha256(bytes).toString("hex") })
  const [file] = manifest.files
  const changed = { ...file, text: sum(text), gzip: { ...sum(gzip), level: 6 } }
  writeFileSync(path("manifest.json"), writeManifest(suit({ ...manifest, files: [changed as never] })))
}

describe("an archive to which something was done is found and named", () => {
  const cases: [string, () => Promise<void> | void, RegExp[]][] = [
    [
      "a byte changed",
      () => flip(events, readFileSync(path(events)).length - 6),
      [/^file events.copy.gz/, /^file events.copy.gz its sha256 is not/],
    ],
    [
      "cut off",
      () => truncateSync(path(events), 5000),
      [/^file events.copy.gz \d+ it ends in the middle/, /^file events.copy.gz it has 5000 bytes/],
    ],
    ["empty", () => truncateSync(path(events), 0), [/ends in the middle/, /it has 0 bytes/]],
    ["bytes behind its end", () => append(Buffer.from("more")), [/something follows its end/, /bytes, and/]],
    ["zeros behind its end", () => append(Buffer.alloc(100)), [/something follows its end/, /bytes, and/]],
    [
      "a second member behind it",
      () => append(gzipSync("x\n")),
      [/holds more than the manifest says/, /bytes, and/],
    ],
    [
      "a bomb in its place",
      () => writeFileSync(path(events), gzipSync(Buffer.alloc(50_000_000))),
      [/holds more than the manifest says/, /bytes, and/],
    ],
    ["its file gone", () => rmSync(path(events)), [/^file events.copy.gz it is missing/]],
    ["its manifest gone", () => rmSync(path("manifest.json")), [/^manifest manifest.json it is missing/]],
    [
      "its manifest altered",
      () => edit((text) => text.replace('"events": "400"', '"events": "401"')),
      [/rows of its files/, /events of its lanes/, /it tells of 401 events/],
    ],
    [
      "a member of the manifest twice",
      () => edit((text) => text.replace("{", '{"name": "x",')),
      [/^manifest manifest.json it is no manifest/],
    ],
    [
      "a file too many",
      () => writeFileSync(path("events-2.copy.gz"), ""),
      [/^file events-2.copy.gz the manifest knows no such file/],
    ],
    [
      "no gzip at all",
      () => writeFileSync(path(events), "not gzip"),
      [/cannot be uncompressed/, /it has 8 bytes/],
    ],
  ]
  const flip = (file: string, at: number): void => {
    const bytes = readFileSync(path(file))
    bytes[at] = (bytes[at] ?? 0) ^ 1
    writeFileSync(path(file), bytes)
  }
  const append = (more: Buffer): void =>
    writeFileSync(path(events), Buffer.concat([readFileSync(path(events)), more]))
  const edit = (change: (text: string) => string): void =>
    writeFileSync(path("manifest.json"), change(readFileSync(path("manifest.json"), "utf8")))
  test.each(cases)("%s", async (_, tamper, expected) => {
    const { manifest } = await write()
    await tamper()
    const check = await checkArchive(store, name)
    expect(check.verdict).toBe("tampered")
    const found = told(check)
    expect(found, found.join("\n")).toHaveLength(expected.length)
    for (const [index, form] of expected.entries()) expect(found[index]).toMatch(form)
    const reading = async () => {
      for await (const _ of archiveRows(store, manifest));
    }
    if (/^file events.copy/.test(found[0] ?? "")) await expect(reading()).rejects.toBeInstanceOf(TrailError)
  })

  const alterations: [string, (text: string) => string, RegExp[]][] = [
    ["a value", (text) => text.replace('{"i": 300}', '{"i": 301}'), [/^altered events.copy.gz \d+ acme|tab/]],
    [
      "an event gone",
      (text) =>
        text
          .split("\n")
          .filter((_, line) => line !== 9)
          .join("\n"),
      [
        /its files are not/,
        /it has 399 events/,
        /tells of 200 events from 1 to 200, and there are 199/,
        /tells of 400 events/,
        /^records/,
      ],
    ],
    [
      "an event twice",
      (text) => `${text}${text.split("\n")[9]}\n`,
      [
        /its files|it has 401/,
        /^duplicated events.copy.gz \d+ .*another event of this place/,
        /tells of/,
        /tells of/,
        /^records/,
      ],
    ],
    [
      "a line that is none",
      (text) => text.replace("\t", " "),
      [/^altered events.copy.gz 1 it is no event: it has 53 columns/],
    ],
    [
      "a hash version of a later pgtrail",
      (text) => text.replace(/\t1(\t\\N\t\\N\n)/, "\t2$1"),
      [/^unknown_version events.copy.gz 1 /],
    ],
    [
      "the end in the middle of a line",
      (text) => text.slice(0, -10),
      [/^file events.copy.gz 400 it ends in the middle/],
    ],
  ]
  test.each(alterations)("%s, with sizes and sums that fit", async (_, edit, expected) => {
    await write()
    await rewritten(edit)
    const check = await checkArchive(store, name)
    expect(check.verdict).toBe(/version/.test(_) ? "incomplete" : "tampered")
    const found = told(check).filter((text) => !/^manifest manifest.json the rows of/.test(text))
    const wanted = expected.filter((form) => !form.source.includes("its files are not"))
    expect(found, found.join("\n")).toHaveLength(wanted.length)
    for (const [index, form] of wanted.entries()) expect(found[index]).toMatch(form)
  })

  test("the files of two archives exchanged, and their manifests", async () => {
    await write()
    await write({}, second, rig.others)
    const move = (file: string) => {
      renameSync(path(file), path("kept"))
      renameSync(path(file, second), path(file))
      renameSync(path("kept"), path(file, second))
    }
    move(events)
    const found = told(await checkArchive(store, name))
    expect(found.join("\n")).toMatch(/bytes by the manifest|bytes, and/)
    move("manifest.json")
    expect(told(await checkArchive(store, name))).toEqual([
      expect.stringMatching(/^manifest manifest.json it is the manifest of /),
    ])
  })

  test("the events of another log, with a manifest made to fit", async () => {
    await write()
    const { manifest } = await readArchiveManifest(store, name)
    const other = "00000000-0000-4000-8000-000000000000"
    writeFileSync(path("manifest.json"), writeManifest({ ...manifest, log_id: other, log_ids: [other] }))
    const found = told(await checkArchive(store, name))
    expect(found).toHaveLength(2)
    expect(found[0]).toMatch(/^unlinked .* does not begin with the genesis of its log/)
  })

  test("events that all verify, and of which one was left out with every count made to fit", async () => {
    await write()
    await rewritten(
      (text) =>
        text
          .split("\n")
          .filter((line) => !/\tacme\t.*"i": 300\}/.test(line) && !/"i": 300\}/.test(line))
          .join("\n"),
      (manifest) => ({
        ...manifest,
        events: "399",
        files: manifest.files.map((file) => ({ ...file, rows: "399" })),
        lanes: manifest.lanes.map((lane) =>
          lane.organization_id === "acme" ? { ...lane, events: "199" } : lane,
        ),
      }),
    )
    const check = await checkArchive(store, name)
    expect(told(check)).toEqual([expect.stringMatching(/^records events.copy.gz these are not the events/)])
  })
})

test("a bit flipped anywhere is found, whatever gzip makes of it", async () => {
  await write()
  const whole = readFileSync(path(events))
  for (let at = 11; at < whole.length; at += Math.ceil(whole.length / 12)) {
    const bytes = Buffer.from(whole)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8))
    writeFileSync(path(events), bytes)
    const check = await checkArchive(store, name)
    expect(check.verdict).toBe("tampered")
    expect(told(check).at(-1)).toContain("its sha256 is not that of the manifest")
  }
})

test("a manifest of a later pgtrail is not judged", async () => {
  await write()
  const text = readFileSync(path("manifest.json"), "utf8").replace("pgtrail.archive/1", "pgtrail.archive/2")
  writeFileSync(path("manifest.json"), text)
  expect(await checkArchive(store, name)).toMatchObject({
    verdict: "incomplete",
    findings: [{ kind: "later" }],
  })
  await expect(readArchiveManifest(store, name)).rejects.toMatchObject({ code: "incomplete" })
})
