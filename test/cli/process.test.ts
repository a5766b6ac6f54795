// The few things that only a real process shows: the exit code, a reader that goes away, a signal, the time to start.
import { execFile, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { promisify } from "node:util"
import { describe, expect, it } from "vitest"

const root = join(import.meta.dirname, "../..")
const bin = join(root, "bin/pgtrail.js")
const isBuilt = existsSync(join(root, "dist/cli.cjs"))

interface Ended {
  readonly exit: number | null
  readonly stdout: string
  readonly stderr: string
}

function start(argv: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [bin, ...argv], {
    env: { PATH: process.env.PATH, HOME: "/nonexistent", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  })
  const said = { stdout: "", stderr: "" }
  child.stdout.on("data", (text) => {
    said.stdout += text
  })
  child.stderr.on("data", (text) => {
    said.stderr += text
  })
  const ended = new Promise<Ended>((resolve) => child.on("close", (exit) => resolve({ exit, ...said })))
  return { child, ended }
}

describe.skipIf(!isBuilt)("bin/pgtrail.js", () => {
  it("answers on stdout with 0, and complains on stderr with 2", async () => {
    expect(await start(["--version"]).ended).toMatchObject({ exit: 0, stderr: "" })
    expect(await start(["qurey"]).ended).toEqual({
      exit: 2,
      stdout: "",
      stderr: "pgtrail: error: unknown command: qurey\npgtrail: hint: pgtrail query\n",
    })
  })

  it("reads one small file for its help, and one more for a short query", async () => {
    const tell =
      'process.on("exit", () => console.error("\\n" + Object.keys(require.cache).join())); require(process.argv[1])'
    const read = async (argv: readonly string[]): Promise<string[] | undefined> => {
      const child = spawn(process.execPath, ["-e", tell, bin, ...argv], { env: { HOME: "/nonexistent" } })
      const said: string[] = []
      child.stdout.resume()
      child.stderr.on("data", (text) => said.push(String(text)))
      await new Promise((resolve) => child.on("close", resolve))
      const files = said.join("").trim().split("\n").at(-1)?.split(",")
      return files?.map((file) => relative(root, file))
    }
    const help = ["bin/pgtrail.js", "dist/cli.cjs"]
    expect(await read(["--help"])).toEqual(help)
    const url = "postgresql://nobody@/none?host=/nonexistent"
    const query = ["query", "--limit", "1", "--json", "--url", url]
    expect(await read(query)).toEqual([...help, "dist/program.cjs"])
  })

  it("has every part of the program, and each finds what it requires", async () => {
    const script =
      'for (const file of fs.readdirSync(".")) if (file.endsWith(".cjs")) require(path.resolve(file))'
    const run = promisify(execFile)(process.execPath, ["-e", script], { cwd: join(root, "dist") })
    expect(await run).toEqual({ stdout: "", stderr: "" })
  })

  it("works in a folder that is not there any more", async () => {
    const folder = await mkdtemp(join(tmpdir(), "pgtrail-gone-"))
    const script = 'cd "$0" && rmdir "$0" && exec "$@"'
    const argv = [process.execPath, bin, "status", "--url", "postgresql://nobody@127.0.0.1:1/gone"]
    const run = promisify(execFile)("sh", ["-c", script, folder, ...argv], {
      env: { PATH: process.env.PATH },
    })
    await expect(run).rejects.toMatchObject({
      code: 3,
      stderr: expect.stringContaining("nothing listens there"),
    })
  })

  it("ends quietly when nobody reads its answer", async () => {
    const { child, ended } = start(["--help"])
    child.stdout.destroy()
    expect(await ended).toMatchObject({ exit: 0, stderr: "" })
  })

  it.each([
    ["qurey"],
    ["verify", "--url", "postgresql://localhost:1/none"],
    ["checkpoint"],
    ["status", "--json", "--url", "x"],
  ])("keeps its exit code when nobody reads what it complains about: %s", async (...argv) => {
    const heard = await start(argv).ended
    expect(heard.exit).toBeGreaterThan(0)
    expect(heard.stderr).not.toBe("")
    for (const closed of [["stderr"], ["stdout", "stderr"]] as const) {
      const { child, ended } = start(argv)
      for (const stream of closed) child[stream].destroy()
      expect(await ended).toMatchObject({ exit: heard.exit, stderr: "" })
    }
    if (!existsSync("/dev/full")) return
    const full = ["-c", '"$0" "$@" 2> /dev/full', process.execPath, bin, ...argv]
    const child = spawn("/bin/sh", full, { stdio: "ignore" })
    expect(await new Promise((resolve) => child.on("close", resolve))).toBe(heard.exit)
  })

  it("says that it cannot write, when the disk is full", async () => {
    if (!existsSync("/dev/full")) return
    const child = spawn("/bin/sh", ["-c", `exec "${process.execPath}" "${bin}" --help > /dev/full`])
    let stderr = ""
    child.stderr.on("data", (text) => {
      stderr += text
    })
    expect(await new Promise((resolve) => child.on("close", resolve))).toBe(3)
    expect(stderr).toBe("pgtrail: error: cannot write the answer: no space left\n")
  })

  it("stops at a signal with its code, even while it waits for a server that never answers", async () => {
    const { createServer } = await import("node:net")
    const server = createServer(() => {})
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const address = server.address()
    const port = typeof address === "object" ? address?.port : undefined
    const { child, ended } = start([
      "status",
      "--url",
      `postgresql://u@127.0.0.1:${port}/d?connect_timeout=60`,
    ])
    await new Promise((resolve) => server.once("connection", resolve))
    child.kill("SIGINT")
    expect(await ended).toMatchObject({ exit: 130, stdout: "", stderr: "" })
    server.close()
  })
})
