// Completion in zsh and fish, where they are installed: .ci/run brings both.
import { execFile, spawnSync } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { runInProcess } from "../cli/io.js"

const run = promisify(execFile)
const has = (program: string): boolean => spawnSync(program, ["-c", ":"]).status === 0

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pgtrail-completion-"))
  await writeFile(join(folder, "note.checkpoint"), "")
  for (const shell of ["zsh", "fish"]) {
    const { stdout } = await runInProcess(["completion", shell])
    await writeFile(join(folder, shell), stdout)
  }
})
afterAll(() => rm(folder, { recursive: true }))

const cases: readonly (readonly [line: string, answer: readonly string[]])[] = [
  ["pgtrail migr", ["migrate"]],
  ["pgtrail migrate va", ["validate"]],
  ["pgtrail help checkpoint ke", ["keygen"]],
  ["pgtrail --url postgresql://u@h:5/d --json checkpoint ke", ["keygen"]],
  ["pgtrail log --sever", ["--severity"]],
  ["pgtrail query --format nd", ["ndjson"]],
  ["pgtrail query --limit ", []],
  ["pgtrail query --format=json --lim", ["--limit"]],
  ["pgtrail checkpoint create --key en", ["env:"]],
  ["pgtrail completion ", ["bash", "fish", "zsh"]],
]

describe.skipIf(!has("fish"))("fish", () => {
  it.each([
    ...cases,
    ["pgtrail query --format=nd", ["--format=ndjson"]],
    ["pgtrail checkpoint verify no", ["note.checkpoint"]],
    ["pgtrail checkpoint create --key file:no", ["file:note.checkpoint"]],
  ] as const)("after %s offers %j", async (line, answer) => {
    const { stdout, stderr } = await run(
      "fish",
      ["--no-config", "-c", `source fish; complete -C '${line}'`],
      {
        cwd: folder,
      },
    )
    expect(stderr).toBe("")
    const offered = stdout.split("\n").map((text) => text.replace(/\t.*/, ""))
    expect(offered.filter((text) => text !== "").toSorted()).toEqual(answer)
  })
})

/** What zsh's own functions are asked to offer, filtered as they would. */
const recorded = `
compdef() { : }
compadd() { for word in "$@"; do [[ $word != -* && $word = $PREFIX* && -n $word ]] && print -r -- $word; done; true }
_describe() { for word in \${(P)@[-1]}; do [[ $word = $PREFIX* ]] && print -r -- \${word%%:*}; done; true }
_files() { print -rl -- \${PREFIX}*(N) }
compset() { [[ $PREFIX = \${~2}* ]] || return 1; PREFIX=\${PREFIX#\${~2}} }
source ./zsh
words=(\${(s: :)LINE}); [[ $LINE = *' ' ]] && words+=('')
CURRENT=$#words; PREFIX=$words[-1]
_pgtrail
`

describe.skipIf(!has("zsh"))("zsh", () => {
  it.each([
    ...cases,
    ["pgtrail lo", []],
    ["pgtrail query --format=nd", ["ndjson"]],
    ["pgtrail checkpoint verify no", ["note.checkpoint"]],
    ["pgtrail checkpoint create --key file:no", ["note.checkpoint"]],
  ] as const)("after %s offers %j", async (line, answer) => {
    const { stdout, stderr } = await run("zsh", ["-f", "-c", recorded], {
      cwd: folder,
      env: { ...process.env, LINE: line },
    })
    expect(stderr).toBe("")
    expect([...new Set(stdout.split("\n"))].filter((text) => text !== "").toSorted()).toEqual(answer)
  })
})
