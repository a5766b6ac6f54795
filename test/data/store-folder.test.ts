// A store in a folder: what is there is whole and on the disk, whatever happens while it is written.
import { execFileSync, spawn } from "node:child_process"
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { openFolder } from "../../src/data/store/folder.js"
import { readLocation } from "../../src/data/store/location.js"
import { openStore } from "../../src/data/store/store.js"
import { begun, broken, content, digest, failureOf, itIsAStore, keys, read, text } from "./store-fixture.js"

let base: string
let made = 0
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "pgtrail-store-"))
})
afterAll(() => rm(base, { recursive: true, force: true }))

/** A new folder for each test. */
function fresh(): string {
  made += 1
  const path = join(base, `place ${made}`)
  mkdirSync(path)
  return path
}
const at = (path: string) => openFolder(pathToFileURL(path).href)

describe("a folder", () => {
  itIsAStore(() => openStore(readLocation(`./${basename(fresh())}`, base), {}))

  test("keeps files that only their user can read, and no folder that is empty", async () => {
    const path = fresh()
    const store = at(path)
    await store.put("name/a.txt", text("a", "b"))
    expect(lstatSync(join(path, "name")).mode & 0o777).toBe(0o700)
    expect(lstatSync(join(path, "name/a.txt"))).toMatchObject({ mode: 0o100600, nlink: 1 })
    expect(readFileSync(join(path, "name/a.txt"), "utf8")).toBe("ab")
    await store.remove("name/a.txt")
    await expect(store.put("name/a.txt", broken(10))).rejects.toThrow("the source broke")
    expect(readdirSync(path)).toEqual([])
  })

  test("is not made where it is missing, which may be a mount that is not there", async () => {
    const store = at(join(base, "missing"))
    const works: readonly (() => Promise<unknown>)[] = [
      () => store.put("a/b", text("x")),
      () => store.get("a/b"),
      () => store.size("a/b"),
      () => store.remove("a/b"),
      () => keys(store),
    ]
    for (const work of works) {
      const { code, message } = await failureOf(work())
      expect([code, message]).toEqual(["file", expect.stringContaining("missing: no such file or folder")])
    }
  })

  test("follows no link, and takes nothing else for a file", async () => {
    const path = fresh()
    const store = at(path)
    const elsewhere = fresh()
    writeFileSync(join(elsewhere, "a.txt"), "secret")
    symlinkSync(elsewhere, join(path, "link"))
    mkdirSync(join(path, "name"))
    symlinkSync(join(elsewhere, "a.txt"), join(path, "name/a.txt"))
    symlinkSync(join(elsewhere, "b.txt"), join(path, "name/b.txt"))
    mkdirSync(join(path, "name/c.txt"))
    writeFileSync(join(path, "file"), "")
    for (const key of ["link/a.txt", "name/a.txt", "name/c.txt", "file/a.txt"]) {
      expect([key, (await failureOf(store.get(key))).code]).toEqual([key, "file"])
      expect([key, (await failureOf(store.size(key))).code]).toEqual([key, "file"])
    }
    expect((await failureOf(store.put("link/c.txt", text("x")))).message).toContain("no folder")
    expect((await failureOf(store.put("name/b.txt", text("x")))).code).toBe("exists")
    expect((await failureOf(store.remove("link/a.txt"))).code).toBe("file")
    expect(await keys(store)).toEqual([])
    await store.remove("name/a.txt")
    expect(readdirSync(elsewhere)).toEqual(["a.txt"])
  })

  test("lists nothing that is not whole, nor what others have put there", async () => {
    const path = fresh()
    const store = at(path)
    await store.put("name/a.txt", text("a"))
    writeFileSync(join(path, "name/a.txt.partial-0123456789ab"), "")
    writeFileSync(join(path, "name/b.txt.partial-0123456789ab"), "b")
    writeFileSync(join(path, "name/.hidden"), "")
    writeFileSync(join(path, "README"), "")
    mkdirSync(join(path, "lost+found"))
    expect(await keys(store)).toEqual(["name/a.txt"])
    expect(await begun(store)).toEqual(["name/a.txt", "name/b.txt"])
    await store.remove("name/a.txt")
    expect(readdirSync(join(path, "name"))).toEqual([".hidden", "b.txt.partial-0123456789ab"])
  })

  test("writes over nothing on a file system that has no links", async () => {
    const path = fresh()
    const without = Object.assign(new Error("no links"), { code: "EPERM" })
    const store = openFolder(pathToFileURL(path).href, () => Promise.reject(without))
    await store.put("name/a.txt", text("a"))
    expect((await failureOf(store.put("name/a.txt", text("b")))).code).toBe("exists")
    expect(await read(store, "name/a.txt")).toBe("a")
    // Made by somebody else while this one was writing.
    async function* late(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("late")
      writeFileSync(join(path, "name/b.txt"), "first")
    }
    expect((await failureOf(store.put("name/b.txt", late()))).code).toBe("exists")
    expect(readdirSync(join(path, "name"))).toEqual(["a.txt", "b.txt"])
    expect(readFileSync(join(path, "name/b.txt"), "utf8")).toBe("first")
  })

  test("copies what is to have a second key on a file system that has no links", async () => {
    const path = fresh()
    const refused = () => Promise.reject(Object.assign(new Error("no links"), { code: "EPERM" }))
    const store = openFolder(pathToFileURL(path).href, refused)
    await store.put("from/a.bin", content(100_000))
    await store.link("from/a.bin", "to/b.bin")
    expect(lstatSync(join(path, "to/b.bin")).ino).not.toBe(lstatSync(join(path, "from/a.bin")).ino)
    expect(await digest(await store.get("to/b.bin"))).toBe(await digest(content(100_000)))
    const shared = at(path)
    await shared.link("from/a.bin", "to/c.bin")
    expect(lstatSync(join(path, "to/c.bin")).ino).toBe(lstatSync(join(path, "from/a.bin")).ino)
    expect(await failureOf(store.link("from/none.bin", "new/b.bin"))).toMatchObject({ code: "not-found" })
    expect(readdirSync(path).sort()).toEqual(["from", "to"])
  })

  test("takes a name that was given, though the answer was lost, for its own; and leaves nothing when none was", async () => {
    const path = fresh()
    const twice = async (from: unknown, to: unknown): Promise<void> => {
      linkSync(String(from), String(to))
      linkSync(String(from), String(to))
    }
    await openFolder(pathToFileURL(path).href, twice).put("name/a.txt", text("a"))
    const failing = openFolder(pathToFileURL(path).href, () =>
      Promise.reject(Object.assign(new Error("EIO: i/o error"), { code: "EIO" })),
    )
    const { code, message, hint } = await failureOf(failing.put("name/b.txt", text("b")))
    expect([code, message]).toEqual([
      "file",
      `cannot write ${join(path, "name/b.txt")}: the disk reported an error`,
    ])
    expect(hint).toContain("no file was left half written")
    expect(readdirSync(join(path, "name"))).toEqual(["a.txt"])
  })

  test("lists the rest where one folder may not be read, for who wants to hear of it, and else nothing", async () => {
    // Even for root a path may be too long.
    const deep = join(fresh(), ...Array.from({ length: 20 }, () => "d".repeat(195)))
    mkdirSync(deep, { recursive: true })
    const short = join(fresh(), "s")
    symlinkSync(deep, short)
    for (const name of ["a", "b".repeat(190), "c"]) {
      mkdirSync(join(short, name))
      writeFileSync(join(short, name, "x"), "x")
    }
    const store = at(deep)
    const closed: string[] = []
    const found: string[] = []
    for await (const { key } of store.list("", { closed: (name) => closed.push(name) })) found.push(key)
    expect([found, closed]).toEqual([["a/x", "c/x"], ["b".repeat(190)]])
    expect(await failureOf(keys(store))).toMatchObject({ code: "file" })
    await rm(join(short, "b".repeat(190)), { recursive: true })
  })

  test("says so when a file becomes shorter while it is read", async () => {
    const path = fresh()
    const store = at(path)
    await store.put("name/a.bin", content(1_000_000))
    const chunks = await store.get("name/a.bin")
    const reading = async (): Promise<void> => {
      for await (const _ of chunks) writeFileSync(join(path, "name/a.bin"), "")
    }
    expect((await failureOf(reading())).message).toContain("became shorter while it was read")
  })

  test("has nothing under the key of a process that was killed while it wrote", async () => {
    const path = fresh()
    const bundle = join(base, "folder.mjs")
    const { build } = await import("esbuild")
    await build({
      entryPoints: [join(import.meta.dirname, "../../src/data/store/folder.ts")],
      bundle: true,
      platform: "node",
      format: "esm",
      outfile: bundle,
      external: ["pg*"],
    })
    const script = `import { openFolder } from ${JSON.stringify(bundle)}
      async function* endless() { for (;;) { yield Buffer.alloc(65536); process.stdout.write(".") } }
      await openFolder(${JSON.stringify(pathToFileURL(path).href)}).put("name/a.bin", endless())`
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    })
    const ended = new Promise((done) => child.once("exit", (_, signal) => done(signal)))
    await new Promise((done) => child.stdout.once("data", done))
    child.kill("SIGKILL")
    expect(await ended).toBe("SIGKILL")
    const store = at(path)
    expect(await store.size("name/a.bin")).toBeUndefined()
    expect([await keys(store), await begun(store)]).toEqual([[], ["name/a.bin"]])
    await store.put("name/a.bin", text("whole"))
    expect(await read(store, "name/a.bin")).toBe("whole")
    await store.remove("name/a.bin")
    expect(readdirSync(path)).toEqual([])
  })
})

/** Only root may mount, and not in every container. */
function mount(path: string): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "pgtrail-test", path], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

test("leaves nothing half written on a full disk, nor on one that became read-only", async ({ skip }) => {
  const path = fresh()
  skip(!mount(path), "needs the right to mount a small file system")
  try {
    const store = at(path)
    await store.put("name/a.bin", content(500_000))
    const { code, message, hint } = await failureOf(store.put("name/b.bin", content(900_000)))
    expect([code, message]).toEqual(["disk-full", `cannot write ${join(path, "name/b.bin")}: no space left`])
    expect(hint).toBe("no file was left half written; free space and run it again")
    expect((await failureOf(store.put("other/b.bin", content(900_000)))).code).toBe("disk-full")
    expect([readdirSync(path), readdirSync(join(path, "name"))]).toEqual([["name"], ["a.bin"]])
    await store.put("name/b.bin", content(400_000))

    execFileSync("mount", ["-o", "remount,ro", path])
    const readOnly = await failureOf(store.put("name/c.bin", text("c")))
    expect(readOnly.message).toBe(`cannot write ${join(path, "name/c.bin")}: the file system is read-only`)
    const kept = await failureOf(store.remove("name/a.bin"))
    expect(kept.message).toBe(`cannot remove ${join(path, "name/a.bin")}: the file system is read-only`)
    expect(kept.hint).toContain("it is still there")
    expect(await store.size("name/a.bin")).toBe(500_000n)
  } finally {
    execFileSync("umount", [path])
  }
})

test("says of a folder that may not be written which file was not made", async ({ skip }) => {
  skip(process.getuid?.() === 0, "root may write everywhere")
  const path = fresh()
  chmodSync(path, 0o500)
  const { code, message } = await failureOf(at(path).put("name/a.txt", text("a")))
  expect([code, message]).toEqual(["file", `cannot write ${join(path, "name/a.txt")}: permission denied`])
})
