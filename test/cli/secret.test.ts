// Secrets by reference: where they come from, and what is refused without ever showing them.
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Writable } from "node:stream"
import { afterAll, describe, expect, it } from "vitest"
import { exitCodeOf } from "../../src/cli/exit.js"
import { readSecret } from "../../src/cli/secret.js"
import { TrailError } from "../../src/data/errors.js"

const folder = mkdtempSync(join(tmpdir(), "pgtrail-secret-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const path = (name: string): string => join(folder, name)

function around(env: Record<string, string> = {}, signal?: AbortSignal) {
  const said = { stderr: "" }
  const stderr = new Writable({
    write(text, _, done) {
      said.stderr += text
      done()
    },
  })
  const PATH = process.env.PATH ?? ""
  return {
    said,
    io: { cwd: folder, env: { PATH, ...env }, stderr, ...(signal === undefined ? {} : { signal }) },
  }
}
const read = (reference: string, env = {}) => readSecret(reference, around(env).io)

async function refused(
  reference: string,
  says: RegExp,
  env: Record<string, string> = {},
): Promise<TrailError> {
  const error = await read(reference, env).catch((thrown: unknown) => thrown)
  if (!(error instanceof TrailError)) throw new Error(`expected a TrailError, got ${String(error)}`)
  expect(exitCodeOf(error.code)).toBe(2)
  expect(error.message).toMatch(says)
  expect(error.message + error.hint).not.toContain("hunter2")
  // What to do next, of every source.
  expect(error.hint).toMatch(/^nothing was done; .{20}/s)
  return error
}
function file(name: string, content: string | Uint8Array, mode = 0o600): string {
  writeFileSync(path(name), content)
  chmodSync(path(name), mode)
  return path(name)
}

describe("a secret", () => {
  it("is read from a file, also by a relative name or through a link, without its line ends", async () => {
    file("key", "hunter2 \n\r\n")
    symlinkSync(path("key"), path("link"))
    expect(await read("file:key")).toBe("hunter2 ")
    expect(await read(`file:${path("link")}`)).toBe("hunter2 ")
  })

  it("is read from the environment of the run, and from nowhere else", async () => {
    expect(await read("env:KEY", { KEY: "hunter2\n" })).toBe("hunter2")
    expect((await refused("env:KEY", /^the variable KEY is not set$/)).hint).toContain("export it")
    await refused("env:KEY", /^the variable KEY is empty$/, { KEY: "\n" })
  })

  it("is read from a command, with its pipes and the environment; what it says on stderr passes through", async () => {
    const { io, said } = around({ KEY: "hunter2" })
    expect(await readSecret("cmd:echo working >&2; echo $KEY | cat; echo", io)).toBe("hunter2")
    expect(said.stderr).toBe("working\n")
    expect(await read("cmd:pwd")).toBe(folder)
  })
})

describe("a file is refused", () => {
  it.each([0o640, 0o604, 0o620, 0o602, 0o601, 0o777])(
    "with the mode %o, and the hint closes it",
    async (mode) => {
      const name = file(`mode-${mode}`, "hunter2", mode)
      const error = await refused(`file:${name}`, /can be read or written by others$/)
      expect(error.hint).toBe(`nothing was done; chmod 600 ${name}`)
      chmodSync(name, 0o600)
      expect(await read(`file:${name}`)).toBe("hunter2")
    },
  )

  it.runIf(process.getuid?.() === 0)("of another user", async () => {
    const name = file("theirs", "hunter2")
    chownSync(name, 65534, 65534)
    const error = await refused(`file:${name}`, /belongs to another user/)
    expect(error.hint).toContain("chown")
  })

  it("that is missing, a folder, empty or large", async () => {
    const missing = await refused("file:missing", /^cannot read .*missing: no such file$/)
    expect(missing.hint).toContain(`ls -la ${folder}`)
    mkdirSync(path("folder"), { mode: 0o700 })
    await refused("file:folder", /is a folder$/)
    file("empty", "\n\n")
    await refused("file:empty", /empty is empty$/)
    file("large", Buffer.alloc(100_000, "x"))
    await refused("file:large", /is too large for a key$/)
  })
})

describe("a command is refused", () => {
  it("that fails, even after it printed something, and it is not repeated", async () => {
    const error = await refused("cmd:echo hunter2; exit 7", /^the command of cmd: ended with exit code 7$/)
    expect(error.hint).toContain("run the command by itself")
    expect(error.message + error.hint).not.toContain("echo")
    await refused("cmd:hunter2-no-such-program 2>/dev/null", /ended with exit code 127$/)
    await refused("cmd:kill -9 $$", /ended with SIGKILL$/)
  })

  it("that prints nothing, or without end", async () => {
    await refused("cmd:true", /printed is empty$/)
    await refused("cmd:exec yes hunter2", /printed is too large for a key$/)
  })

  it("ends with the run", async () => {
    const controller = new AbortController()
    const reading = readSecret("cmd:exec sleep 60", around({}, controller.signal).io).catch(
      (error: Error) => error,
    )
    controller.abort("SIGINT")
    expect(await reading).toBeInstanceOf(TrailError)
  })
})

it("what is no reference is refused and not repeated: it may be the secret itself", async () => {
  for (const typed of [
    "hunter2",
    "PRIVATE+KEY+hunter2+00000000+hunter2",
    "file:",
    "FILE:hunter2",
    "env",
    "",
  ]) {
    const error = await refused(typed, /^a key or password is given by reference, never by itself$/)
    expect(error.hint).toBe("nothing was done; use file:PATH, env:NAME or cmd:COMMAND")
  }
})
