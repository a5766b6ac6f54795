// Good checkpoints, made as often as wanted, for tests that edit, swap, cut and blow up their files.
import { readFile, writeFile } from "node:fs/promises"
import { expect } from "vitest"
import { openCheckpoint } from "../../src/data/checkpoint/anchor.js"
import { folder, head, keyPair, writeCheckpoint } from "./checkpoint-fixture.js"
import { failureOf } from "./failure.js"

// In the order of bytes: an emoji comes after every character of the basic plane, which UTF-16 would deny.
const odd = "tab\t newline\n return\r backslash\\ \b\f\v quote' é \uffee"
const heads = [
  head("acme"),
  head("acme", "2", "9007199254740993"),
  head("acme", "1000", "5"),
  head(odd, "3", "12"),
  head("\uffee"),
  head("😀", "0", "2"),
]

/** In a folder of the test file's own; `remove` in afterAll. */
export function goodCheckpoints() {
  const { path, remove } = folder()
  const pair = keyPair()
  const keys = [pair.verifier]
  let made = 0
  return {
    path,
    remove,
    pair,
    keys,
    heads,
    /** A good one under a new name. */
    good(): string {
      made += 1
      const file = path(`${made}.checkpoint`)
      writeCheckpoint(file, heads, pair)
      return file
    },
    async edit(file: string, change: (text: string) => string): Promise<void> {
      await writeFile(file, change(await readFile(file, "utf8")))
    },
    async refused(file: string, code: string, says: RegExp, by = keys): Promise<void> {
      const error = await failureOf(openCheckpoint(file, by))
      expect(error.code).toBe(code)
      expect(error.message).toMatch(says)
      expect(error.message).toContain(file)
      // Errors name the file, never its content.
      expect((error.message + error.hint).replaceAll(file, "")).not.toMatch(/acme|6f1c3e52|q6urq|tab/)
    },
  }
}
