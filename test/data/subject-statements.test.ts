// Servers log statements and their parameters: no request about a person puts an identifier, or a value of an event, into one.

import { join } from "node:path"
import pg from "pg"
import { expect, test } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { backup } from "./subject-backup.js"
import { jane, janesWords, type SubjectLog, subjectLogs } from "./subject-fixture.js"

const log = subjectLogs()
const why = { reason: "r", requestedBy: "w" }
const place = { organization: "acme", lane: "0", seq: "3" }

/** All that is sent while it works: texts and parameters. */
async function sent(work: () => Promise<unknown>): Promise<string[]> {
  const statements: string[] = []
  const original = pg.Client.prototype.query
  pg.Client.prototype.query = function (this: unknown, ...given: unknown[]) {
    const [first, second] = given
    const { text, values } = (
      typeof first === "string" ? { text: first } : (first ?? {})
    ) as Partial<pg.QueryConfig>
    statements.push(text ?? "", JSON.stringify([second, values].filter((one) => Array.isArray(one))))
    return (original as (...args: unknown[]) => unknown).apply(this, given)
  } as typeof original
  try {
    await work()
  } finally {
    pg.Client.prototype.query = original
  }
  return statements
}

const works: readonly (readonly [string, (log: SubjectLog, trail: Trail) => Promise<unknown>])[] = [
  [
    "an export",
    ({ folder }, trail) =>
      trail.exportSubject(jane, { out: join(folder, "o.csv"), format: "csv", inText: true }),
  ],
  [
    "an export whose ID no event has",
    ({ folder }, trail) =>
      trail.exportSubject([{ kind: "id", value: "U-JANE" }], { out: join(folder, "p.csv"), format: "csv" }),
  ],
  [
    "a restriction and its end",
    async (_, trail) => {
      await trail.restrictSubject(jane, why)
      await trail.unrestrictSubject({ identifiers: jane }, why)
    },
  ],
  [
    "a rectification",
    (_, trail) =>
      trail.rectifyEvent(place, { set: new Map([["actor_email", '"jane.o\'neil%x@example.org"']]), ...why }),
  ],
  [
    "a pseudonym and who it was",
    async ({ path }, trail) => {
      await trail.addPrivacyKey({ out: path("k1") })
      const { readFile } = await import("node:fs/promises")
      const keys = { ids: ["k1"], read: async () => readFile(path("k1"), "utf8") }
      const { organizations } = await trail.pseudonymize(jane, {
        ...why,
        strategy: "token",
        keys,
        inText: true,
      })
      await trail.reveal(organizations[0]?.pseudonym ?? "", { ...why, keys })
    },
  ],
  [
    "a reapplication",
    async (made, trail) => {
      const restore = await backup(made)
      await made.erase({ register: made.path("r") })
      await restore()
      await trail.reapply(made.path("r"))
    },
  ],
  [
    "a pseudonym that is given again",
    async (made, trail) => {
      const { path } = made
      await trail.addPrivacyKey({ out: path("k1") })
      const { readFile } = await import("node:fs/promises")
      const keys = { ids: ["k1"], read: async () => readFile(path("k1"), "utf8") }
      const restore = await backup(made)
      await trail.pseudonymize(jane, { ...why, strategy: "token", keys, register: path("r"), inText: true })
      await restore()
      const { pseudonymizations } = await trail.reapply(path("r"), { keys })
      expect(pseudonymizations).toMatchObject([{ why: null, unknown: 0 }])
    },
  ],
  [
    "an erasure of an address that was given as the ID",
    (_, trail) =>
      trail.eraseSubject([{ kind: "id", value: "jane.o'neil%x@example.org" }], {
        ...why,
        confirm: "jane.o'neil%x@example.org",
      }),
  ],
]

test.each(works)("%s: no identifier stands in a statement or in its parameters", async (_, work) => {
  const { trail } = log()
  const statements = await sent(() => work(log(), trail))
  expect(statements.length).toBeGreaterThan(10)
  for (const word of janesWords) {
    const found = statements.filter((text) => text.toLowerCase().includes(word.toLowerCase()))
    expect(found.map((text) => text.slice(0, 200))).toEqual([])
  }
})
