// A checkpoint's list of heads, swapped, edited and cut; files of 100 MB in place of each file; and how files are written.
import { readdirSync, truncateSync } from "node:fs"
import { chmod, copyFile, mkdir, open, readFile, writeFile } from "node:fs/promises"
import { afterAll, describe, expect, test } from "vitest"
import { openCheckpoint, readKeyFiles } from "../../src/data/checkpoint/anchor.js"
import { fill, refuseExisting, stage } from "../../src/data/checkpoint/files.js"
import { readHeadsFile, writeHeads } from "../../src/data/checkpoint/heads-file.js"
import { head, writeCheckpoint } from "./checkpoint-fixture.js"
import { goodCheckpoints } from "./checkpoint-good.js"
import { failureOf } from "./failure.js"

const { path, remove, pair, keys, heads, good, edit, refused } = goodCheckpoints()
afterAll(remove)

describe("the list of heads", () => {
  const heading = /\.heads is not the list of heads that/

  test.each([
    ["a hash", (text: string) => text.replace(/[0-9a-f]{4}\n/, "0000\n")],
    ["a seq", (text: string) => text.replace("\t5\t", "\t6\t")],
    ["an organization", (text: string) => text.replace("acme\t0", "aaaa\t0")],
    ["a lane", (text: string) => text.replace("\t1000\t", "\t1001\t")],
  ])("with %s edited is forged", async (_, change) => {
    const file = good()
    await edit(`${file}.heads`, change)
    await refused(file, "forged", heading)
  })

  test("of another checkpoint is forged, also one with as many lanes and events", async () => {
    const file = good()
    const other = path("other.checkpoint")
    const [first, ...rest] = heads
    writeCheckpoint(other, [{ ...(first ?? head("acme")), hash: head("x").hash }, ...rest], pair)
    await copyFile(`${other}.heads`, `${file}.heads`)
    await refused(file, "forged", /its digest is another/)
  })

  test("cut off anywhere is refused", async () => {
    const file = good()
    const whole = await readFile(`${file}.heads`)
    for (let size = 0; size < whole.length; size += 1) {
      truncateSync(`${file}.heads`, 0)
      await writeFile(`${file}.heads`, whole.subarray(0, size))
      expect((await failureOf(openCheckpoint(file, keys))).code).toBe("forged")
    }
  })

  test.each([
    [
      "a line more",
      (text: string) => `${text}${text.split("\n")[0]?.replace("acme", "zzzz")}\n`,
      /more than the 6 lanes/,
    ],
    ["a line less", (text: string) => text.slice(text.indexOf("\n") + 1), /it has 5 of the 6 lanes/],
    [
      "a lane twice",
      (text: string) => text.replace(/^.*\n/, "$&$&"),
      /line 2 has the lane of the line before/,
    ],
    [
      "two lines swapped",
      (text: string) => text.replace(/^(.*\n)(.*\n)/, "$2$1"),
      /line 2 is not in the order/,
    ],
    ["CRLF", (text: string) => text.replaceAll("\n", "\r\n"), /line 1 ends with a carriage return/],
    ["an empty line", (text: string) => `\n${text}`, /line 1 is no head/],
    [
      "a lane that no smallint holds",
      (text: string) => text.replace("\t1000\t", "\t40000\t"),
      /line 3 is no head/,
    ],
    [
      "a seq that no bigint holds",
      (text: string) => text.replace("\t5\t", "\t9223372036854775808\t"),
      /line 3 is no head/,
    ],
    [
      "capital hex",
      (text: string) => text.replace(/[0-9a-f]{64}/, (hash) => hash.toUpperCase()),
      /line 1 is no head/,
    ],
    [
      "an escape that COPY does not write",
      (text: string) => text.replace("\\t", "\\x09"),
      /line 4 is no head/,
    ],
    ["a field more", (text: string) => text.replace("\n", "\tx\n"), /line 1 is no head/],
  ])("with %s is refused, naming the line", async (_, change, says) => {
    const file = good()
    await edit(`${file}.heads`, change)
    await refused(file, "forged", says)
  })

  test("that is missing says where it belongs", async () => {
    const file = good()
    await copyFile(file, path("alone"))
    await refused(path("alone"), "file", /alone\.heads: no such file/)
  })

  test("reads what writeHeads wrote, and is never written over", async () => {
    await writeHeads(path("heads"), heads)
    expect(await readHeadsFile(path("heads"), { lanes: "6" })).toEqual(heads)
    expect(await failureOf(writeHeads(path("heads"), []))).toMatchObject({ code: "usage" })
    expect(await readHeadsFile(path("heads"), { lanes: 6 })).toEqual(heads)
  })
})

describe("a file of 100 MB", () => {
  const size = 100 * 1024 * 1024
  /** No block of it is on the disk. */
  async function blowUp(file: string): Promise<void> {
    const handle = await open(file, "r+")
    await handle.truncate(size)
    await handle.close()
  }
  async function cheaply(work: () => Promise<void>): Promise<void> {
    const before = process.memoryUsage().rss
    await work()
    expect(process.memoryUsage().rss - before).toBeLessThan(size / 2)
  }

  test("in place of the note is refused at once", async () => {
    const file = good()
    await blowUp(file)
    await cheaply(() => refused(file, "forged", /it has more than 64 KiB/))
  })

  test("in place of the heads is refused at once", async () => {
    const file = good()
    await blowUp(`${file}.heads`)
    await cheaply(() => refused(file, "forged", /more than the 6 lanes/))
  })

  test("that is one endless line, where so many lanes were signed, is refused at its first kilobyte", async () => {
    const file = path("endless.checkpoint")
    writeCheckpoint(file, heads, pair, { lanes: "1000000000" })
    await blowUp(`${file}.heads`)
    await cheaply(() => refused(file, "forged", /line 7 is too long/))
  })

  test("in place of a key file is refused at once", async () => {
    await writeFile(path("large.pub"), "")
    await blowUp(path("large.pub"))
    await cheaply(async () => {
      expect(await failureOf(readKeyFiles([path("large.pub")]))).toMatchObject({ code: "config" })
    })
  })
})

describe("writing", () => {
  test("on a full disk fails with the words for it, and leaves nothing behind", async () => {
    const full = await open("/dev/full", "w")
    const error = await fill(full, ["x".repeat(100_000)]).catch((thrown: NodeJS.ErrnoException) => thrown)
    await full.close()
    expect(error).toMatchObject({ code: "ENOSPC" })
    const parts = (async function* () {
      yield "half"
      throw Object.assign(new Error("no space"), { code: "ENOSPC" })
    })()
    expect(await failureOf(stage(path("full"), parts))).toMatchObject({
      code: "disk-full",
      message: `cannot write ${path("full")}: no space left`,
    })
    expect(readdirSync(path(".")).filter((name) => name.startsWith("full"))).toEqual([])
  })

  test("never takes the place of a file that was made meanwhile", async () => {
    const staged = await stage(path("late"), ["ours"])
    await writeFile(path("late"), "theirs")
    expect(await failureOf(staged.place())).toMatchObject({ code: "usage" })
    expect(await readFile(path("late"), "utf8")).toBe("theirs")
  })

  test("into a folder that is not there, or may not be written, is refused before anything is done", async () => {
    expect(await failureOf(stage(path("none/file"), []))).toMatchObject({ code: "file" })
    await expect(refuseExisting(path("none/file"))).resolves.toBeUndefined()
    await mkdir(path("closed"))
    await chmod(path("closed"), 0o500)
    if (process.getuid?.() !== 0) {
      expect(await failureOf(stage(path("closed/file"), []))).toMatchObject({ code: "file" })
    }
  })
})
