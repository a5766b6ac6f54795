// Completion, tried out by a real bash: the script is made from the definitions, and a TAB needs nothing but it.
import { execFile, spawnSync } from "node:child_process"
import { promisify } from "node:util"
import { beforeAll, describe, expect, it } from "vitest"
import { runInProcess } from "./io.js"

const run = promisify(execFile)
const hasBash = spawnSync("bash", ["-c", ":"]).status === 0

let script = ""
beforeAll(async () => {
  const { exit, stdout, stderr } = await runInProcess(["completion", "bash"])
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" })
  script = stdout
})

/** No program can be found: a TAB starts none. Words as bash makes them: "=" and ":" are words too. The last one is where the cursor is. */
async function answers(lines: readonly (readonly string[])[]): Promise<string[]> {
  const tried = lines.map((words, at) => {
    const typed = ["pgtrail", ...words].map((word) => `'${word}'`).join(" ")
    return `COMP_WORDS=(${typed}); COMP_CWORD=${words.length}; kind_of_answer=; _pgtrail; echo "${at}:$kind_of_answer \${COMPREPLY[*]}"`
  })
  // Without this call of compopt bash answers an empty list with the names of files.
  const watched =
    "compopt() { [ $1 = +o ] && kind_of_answer=words; [ $1 = -o ] && kind_of_answer=prefix; true; }"
  const { stdout, stderr } = await run("bash", [
    "--norc",
    "-c",
    ["PATH=/nonexistent", script, watched, ...tried].join("\n"),
  ])
  expect(stderr).toBe("")
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(/^\d+:/, "").trimEnd())
}

const common = "--url --format --json --fields --quiet --verbose --no-color --config --help"
const cases: readonly (readonly [words: readonly string[], answer: string])[] = [
  [["migr"], "words migrate"],
  [["migrate", "st"], "words status"],
  [["checkpoint", ""], "words keygen create list verify"],
  [["--format", "json", "checkpoint", "ke"], "words keygen"],
  [["--url", "postgresql", ":", "//u@h", ":", "5/d", "checkpoint", "ke"], "words keygen"],
  [["--json", "checkpoint", "ke"], "words keygen"],
  [["help", "checkp"], "words checkpoint"],
  [["help", "checkpoint", "ke"], "words keygen"],
  [["query", "--form"], "words --format"],
  [["query", "--format", ""], "words table json ndjson csv short xml"],
  [["export", "create", "--format", ""], "words csv ndjson xml"],
  [["query", "--format", "="], "words table json ndjson csv short xml"],
  [["query", "--format", "=", "nd"], "words ndjson"],
  [["query", "--format", "=", "json", "--lim"], "words --limit"],
  [["status", "--format", ""], "words table json ndjson csv prometheus nagios"],
  [["query", "--limit", ""], "words"],
  [["checkpoint", "create", "--key", ""], "prefix file: env: cmd:"],
  [["checkpoint", "create", "--key", "file", ":", "/etc"], ""],
  [["checkpoint", "create", "--key", "env", ":", "K"], "words"],
  [["checkpoint", "create", "--key", "env", ":", "K", "--ou"], "words --out"],
  [["checkpoint", "verify", "--public-key", ""], ""],
  [["checkpoint", "verify", "--public-key", "="], ""],
  [["import", "file", ""], ""],
  [["import", "file", "a.json", "b"], ""],
  [["checkpoint", "verify", "a", ""], `words --public-key ${common}`],
  [["query", "--", "--form"], "words"],
  [["completion", ""], "words bash zsh fish"],
  [["grant", ""], "words writer reader auditor operator privacy"],
  [["grant", "reader", ""], "words"],
  [["nothing", "of", ""], `words ${common} --version`],
  // An alias leads on, and is not offered.
  [["log", "--sever"], "words --severity"],
  [["lo"], "words"],
]

describe.skipIf(!hasBash)("bash", () => {
  it("offers after each of these words what can stand there", async () => {
    const answered = await answers(cases.map(([words]) => words))
    expect(cases.map(([words], at) => [words, answered[at]])).toEqual(cases)
  })
})

describe("the script", () => {
  it.each(["bash", "zsh", "fish"])("for %s has every word that a command or an option has", async (shell) => {
    const { stdout } = await runInProcess(["completion", shell])
    for (const word of ["migrate validate", "--confirm", "--no-color", "prometheus", "keygen"]) {
      expect(stdout).toContain(word)
    }
    expect(stdout).not.toMatch(/undefined|\[object/)
  })

  it("is refused for a shell that is not known, with those that are", async () => {
    expect(await runInProcess(["completion", "tcsh"])).toMatchObject({
      exit: 2,
      stderr:
        'pgtrail: error: no completion for "tcsh", only for bash, zsh and fish\npgtrail: hint: pgtrail completion bash\n',
    })
  })
})
