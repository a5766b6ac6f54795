// The man page renders, and roff finds nothing to warn of, where groff is installed: .ci/run brings it.
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { describe, expect, it } from "vitest"

const page = join(import.meta.dirname, "..", "..", "man", "pgtrail.1")
const groff = (...flags: string[]) =>
  spawnSync("groff", ["-man", "-ww", ...flags, page], { encoding: "utf8" })

describe.skipIf(groff("-Tascii").error !== undefined)("man/pgtrail.1", () => {
  it("renders on a plain terminal without a warning, whole", () => {
    const { stdout, stderr, status } = groff("-Tascii", "-P-cbou")
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 })
    for (const line of [
      "pgtrail verify [options]",
      "EXIT STATUS",
      "--public-key <file>",
      "pgtrail migrate up",
    ]) {
      expect(stdout).toContain(line)
    }
  })
})
