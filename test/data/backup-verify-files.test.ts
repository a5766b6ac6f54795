// What may have happened to the files of a backup: each thing is found and named with its file.
import { readdir, readFile, rename, rm, symlink, truncate, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { generateIdentity, identityToRecipient } from "age-encryption"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Damaged, damagedBackup } from "./backup-verify-damage.js"

let here: Damaged
beforeAll(async () => {
  here = await damagedBackup()
})
afterAll(() => here.log.remove())

test("a whole backup is intact, and whole for --quick; nothing is said to be left out", async () => {
  const report = await here.verify()
  expect(report).toMatchObject({
    verdict: "intact",
    findings: [],
    unread: [],
    not_covered: [expect.stringMatching(/^the catalog/)],
  })
  const live = await here.log.trail.verify({ jobs: 1, record: false })
  expect(report.covered).toMatchObject({ events: live.covered.events, purged: live.covered.purged })
  expect(await here.verify({ quick: true })).toMatchObject({
    verdict: "whole",
    findings: [],
    not_covered: [],
  })
})

test.each([
  ["in the middle", 0.5],
  ["near the beginning", 0.2],
  ["in the sums at the end", 0.999],
])("a bit that flipped %s of every file is found in every file", async (_where, part) => {
  const files = (await here.log.files(here.name)).filter((file) => file !== "manifest.json")
  await here.damaged(
    async (folder) => {
      for (const file of files) {
        await here.alter(join(folder, file), (bytes) => {
          const at = Math.min(bytes.length - 1, Math.max(0, Math.floor(bytes.length * part)))
          bytes[at] = (bytes[at] ?? 0) ^ 4
          return bytes
        })
      }
    },
    async () => {
      const { verdict, findings } = await here.verify()
      expect(verdict).toBe("tampered")
      expect(
        [...new Set(findings.filter(({ kind }) => kind === "file").map(({ file }) => file))].sort(),
      ).toEqual(files)
    },
  )
})

test("a bit that flipped anywhere in the manifest is found", async () => {
  await here.damaged(
    async () => undefined,
    async () => {
      const path = join(here.log.folder, here.name, "manifest.json")
      const sound = await readFile(path)
      for (let at = 3; at < sound.length; at += Math.floor(sound.length / 30)) {
        await here.alter(path, (bytes) => {
          bytes[at] = (bytes[at] ?? 0) ^ 1
          return bytes
        })
        const { verdict, findings } = await here.verify({ quick: true })
        expect({ at, verdict, kind: findings[0]?.kind }).toEqual({
          at,
          verdict: "tampered",
          kind: "manifest",
        })
        await here.alter(path, () => sound)
      }
    },
  )
})

test("a missing, a truncated, an added file and one of another backup are named for what they are", async () => {
  const eventFile = "event_2020_01.copy.gz"
  await here.damaged(
    async (folder) => {
      await rm(join(folder, "hold.copy.gz"))
      await rename(join(folder, "setting.copy.gz"), join(here.log.folder, "elsewhere"))
      await symlink(join(here.log.folder, "elsewhere"), join(folder, "setting.copy.gz"))
      await writeFile(join(folder, "more.copy.gz"), "")
      await truncate(join(folder, "summary.copy.gz"), 12)
      await here.alter(join(folder, "act.copy.gz"), () => Buffer.alloc(0))
      const theirs = await readFile(join(here.log.folder, here.other, "act.copy.gz"))
      await here.alter(join(folder, "act.copy.gz"), () => theirs)
    },
    async () => {
      const { findings } = await here.told()
      expect(findings).toContain("file: hold.copy.gz is missing")
      expect(findings).toContain(
        "file: setting.copy.gz is no file, but a link or something else in its place",
      )
      expect(findings).toContain(
        "file: more.copy.gz does not belong to the backup: the manifest knows no such file",
      )
      expect(
        findings.some((one) => /^file: summary\.copy\.gz has 12 bytes, and \d+ by the manifest/.test(one)),
      ).toBe(true)
      expect(
        findings.some(
          (one) =>
            one.startsWith("file: act.copy.gz") &&
            one.endsWith(`it is that of ${here.other}, the files were exchanged`),
        ),
      ).toBe(true)
      const quick = await here.told({ quick: true })
      expect(quick.verdict).toBe("tampered")
      expect(quick.findings).toContain("file: hold.copy.gz is missing")
    },
  )
  await here.damaged(
    (folder) => rm(join(folder, eventFile)),
    async () => {
      const { verdict, findings, not_covered } = await here.verify()
      // Of events that are in a file that is missing nobody says that they are missing in the here.log.
      expect({ verdict, findings: findings.map(({ message }) => message) }).toEqual({
        verdict: "tampered",
        findings: [`${eventFile} is missing`],
      })
      expect(not_covered[0]).toMatch(/not all of its files could be read/)
    },
  )
})

test("an event that was altered with all sums and the manifest is found by its hash, with file and line", async () => {
  await here.damaged(
    (folder) => here.replace(folder, "event_2020_01", (text) => text.replace("\tu2\t", "\tu3\t")),
    async () => {
      const { verdict, findings } = await here.verify()
      const [found] = findings
      expect(verdict).toBe("tampered")
      expect(found).toMatchObject({ kind: "altered", organization_id: "acme", file: "event_2020_01.copy.gz" })
      const lines = (await here.log.text(here.name, "event_2020_01")).split("\n")
      expect(lines[Number(found?.line) - 1]).toContain(found?.event_id)
    },
  )
})

test("a control table and an act that were altered with all sums are found", async () => {
  await here.damaged(
    async (folder) => {
      await here.replace(folder, "retention_rule", (text) => text.replace("100", "1"))
    },
    async () =>
      expect((await here.told()).findings.join()).toMatch(
        /in pgtrail\.retention_rule is not what the acts made of it: keep_days/,
      ),
  )
  await here.damaged(
    (folder) => here.replace(folder, "act", (text) => text.replace("retention", "retentiom")),
    async () => expect((await here.told()).findings.join()).toMatch(/was altered: its hash does not fit it/),
  )
})

test("a line that is no event, and a table whose lines are none, are told; the rest is judged", async () => {
  await here.damaged(
    (folder) =>
      here.replace(
        folder,
        "event_2020_01",
        (text) => `${text.split("\n")[0]}\tmore\n${text.split("\n").slice(1).join("\n")}`,
      ),
    async () => {
      const { verdict, findings } = await here.verify()
      expect(verdict).toBe("tampered")
      expect(findings[0]).toMatchObject({ kind: "file", file: "event_2020_01.copy.gz", line: "1" })
    },
  )
  await here.damaged(
    (folder) => here.replace(folder, "purge", (text) => text.replace(/^[^\t]*/, "x\ty")),
    async () => {
      const { verdict, unread } = await here.verify()
      expect(verdict).toBe("tampered")
      expect(unread.join()).toMatch(/purges/)
    },
  )
})

test("an encrypted backup: intact with either key, incomplete without, and what lies there is compared all the same", async () => {
  const [one, two, stranger] = await Promise.all([generateIdentity(), generateIdentity(), generateIdentity()])
  const recipients = [await identityToRecipient(one), await identityToRecipient(two)]
  const { name: locked } = await here.log.create({ recipients })
  const folder = join(here.log.folder, locked ?? "")
  for (const key of [one, two])
    expect(await here.told({ identities: [key] }, locked ?? "")).toEqual({ verdict: "intact", findings: [] })
  for (const identities of [[], [stranger]]) {
    const { verdict, findings } = await here.told({ identities }, locked ?? "")
    expect({ verdict, count: findings.length, kind: findings[0]?.split(":")[0] }).toEqual({
      verdict: "incomplete",
      count: 1,
      kind: "encrypted",
    })
  }
  expect((await here.told({ quick: true }, locked ?? "")).verdict).toBe("whole")
  await here.alter(join(folder, "event_2020_01.copy.gz.age"), (bytes) => {
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
    return bytes
  })
  expect((await here.told({}, locked ?? "")).findings).toContain(
    "file: event_2020_01.copy.gz.age has another sha256 than by the manifest: it was altered",
  )
  expect((await here.told({ identities: [one] }, locked ?? "")).verdict).toBe("tampered")
})

test("the result is kept beside the backup, where it is no file that does not belong there", async () => {
  const keep = { by: "auditor", at: "2026-11-22T01:30:00.000000Z" }
  expect((await here.verify({ keep })).not_kept).toBeNull()
  expect(await readdir(join(here.log.folder, here.name))).toContain("verified-20261122T013000Z.json")
  expect(await here.told()).toEqual({ verdict: "intact", findings: [] })
})

test("what is wrong with the file of one table is told of that file alone, and nothing is said against the log", async () => {
  const { tables } = await here.log.manifest(here.name)
  const files = tables.filter(({ kind }) => kind === "table").map(({ file }) => file.name)
  expect(files.length).toBeGreaterThan(25)
  const judging =
    /^(log|incarnation|loss|act|chain_head|setting|purge|hold|retention_rule|redaction_entry)\.copy/
  const wrong: string[] = []
  const look = async (way: string, of: readonly string[], isRead: boolean): Promise<void> => {
    const { verdict, findings, unread } = await here.verify({ jobs: 1 })
    const isOfThem = findings.every(({ kind, file }) => kind === "file" && of.includes(file ?? ""))
    const isEach = of.every((one) => findings.some(({ file }) => file === one))
    // Of some tables nothing is judged anyway.
    const isTold = isRead ? unread.length === 0 : unread.length > 0 || !judging.test(of[0] ?? "")
    if (verdict === "tampered" && isOfThem && isEach && isTold) return
    wrong.push(`${way}: ${verdict}, ${findings.map(({ message }) => message).join("; ")}`)
  }
  await here.damaged(
    async () => undefined,
    async () => {
      for (const [at, file] of files.entries()) {
        const path = join(here.log.folder, here.name, file)
        const sound = await readFile(path)
        if (at % 2 === 0) await rm(path)
        else await here.alter(path, (bytes) => bytes.subarray(0, bytes.length - 9))
        await look(`${file} ${at % 2 === 0 ? "removed" : "cut"}`, [file], false)
        await writeFile(path, sound)
      }
      // What follows the end of a file is of no row: all of the log is judged.
      for (const file of files)
        await here.alter(join(here.log.folder, here.name, file), (bytes) =>
          Buffer.concat([bytes, Buffer.of(0)]),
        )
      await look("one byte more", files, true)
    },
  )
  expect(wrong).toEqual([])
})

test("a quick look whose records of purges are gone or altered names their file, and does not accuse the log", async () => {
  for (const damage of [rm, (path: string) => truncate(path, 12)]) {
    await here.damaged(
      (folder) => damage(join(folder, "purge.copy.gz")),
      async () => {
        const { verdict, findings, not_covered } = await here.verify({ quick: true })
        expect({ verdict, files: [...new Set(findings.map(({ kind, file }) => `${kind} ${file}`))] }).toEqual(
          {
            verdict: "tampered",
            files: ["file purge.copy.gz"],
          },
        )
        expect(not_covered).toEqual([expect.stringMatching(/the records of purges cannot be read$/)])
      },
    )
  }
})
