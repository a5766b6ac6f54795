// The kernel's answers, word by word, and the runner that records them.
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { tree } from "./fixture.js"
import { expectTranscript, normalise, replay, words } from "./transcript.js"

describe("the kernel", () => {
  it.each(["errors", "usage"])("answers as in %s.txt", async (name) => {
    await expectTranscript(join(import.meta.dirname, `${name}.txt`), { tree })
  })
})

describe("a transcript", () => {
  it("notices an answer that changed, an exit code, and a failed statement", async () => {
    const recorded = "# c\n$ pgtrail list document\nold answer\n? 1\nsql> select 1\n"
    const statements: string[] = []
    const sql = async (text: string) => {
      statements.push(text)
      throw new Error("no")
    }
    expect(await replay(recorded, { tree, sql })).toBe(
      "# c\n$ pgtrail list document\nintact\\x1b[2J\n? 4\n\nsql> select 1\nError: no\n",
    )
    expect(statements).toEqual(["select 1"])
  })

  it("is stable: what it records, it repeats", async () => {
    const once = await replay("$ pgtrail list document\n$ pgtrail ech\nstdin> x\n$ pgtrail list rows\n", {
      tree,
    })
    expect(await replay(once, { tree })).toBe(once)
  })

  it("keeps a time that it has, though it is the hour of the day at which that comes near to now", async () => {
    const near = new Date(Date.now() - 5 * 86_400_000).toISOString().replace(/...Z$/, "123Z")
    const sql = async () => {
      throw new Error(near)
    }
    const recorded = `sql> select 1\nError: ${near}\n`
    expect(await replay(recorded, { tree, sql })).toBe(recorded)
    expect(await replay("sql> select 1\n", { tree, sql })).toBe(
      "sql> select 1\nError: 0000-00-00T00:00:00.000Z\n",
    )
  })

  it("splits words as a shell does", () => {
    expect(words(`pgtrail a 'b c' "d \\" e" f'g'h --x="y z" ''`)).toEqual([
      "pgtrail",
      "a",
      "b c",
      'd " e',
      "fgh",
      "--x=y z",
      "",
    ])
  })

  it("masks what differs from run to run, and nothing else", () => {
    const now = Date.parse("2026-11-21T12:00:00Z")
    expect(normalise("2026-11-21T11:59:59.123456Z 2026-03-01T00:00:00.000000Z", now)).toBe(
      "0000-00-00T00:00:00.000000Z 2026-03-01T00:00:00.000000Z",
    )
    expect(normalise("PostgreSQL 18.4, pgtrail 0.1.0 in 1.25 s")).toBe("PostgreSQL N, pgtrail N in N s")
    expect(normalise("0198c0de-0000-7000-8000-0123456789ab")).toBe("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
    expect(normalise(`${"ab".repeat(32)} 1234`)).toBe(`${"h".repeat(64)} 1234`)
  })
})
