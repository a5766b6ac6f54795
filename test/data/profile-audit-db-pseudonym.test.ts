// Profile audit-db (seed 003): pseudonym_mapping shows the pseudonyms of pgtrail, with what only the key opens.
import { expect, test } from "vitest"
import { pseudonymLogs } from "./subject-pseudonym-fixture.js"

const log = pseudonymLogs()

test("each pseudonym is a row, with its time, and the original encrypted", async () => {
  const { db, trail, pseudonymize } = log()
  await trail.installProfile("audit-db")
  const { organizations } = await pseudonymize("encrypt")
  const rows = await db.query(
    "select id, pseudonym_id, original_id, timestamp = (select recorded_at from pgtrail.act where kind = 'redact' order by seq desc limit 1) as at, timestamp <= now() as past from pseudonym_mapping order by id",
  )
  expect(rows.map((row) => row.pseudonym_id).toSorted()).toEqual(
    organizations.map(({ pseudonym }) => pseudonym).toSorted(),
  )
  expect(rows.map(({ id, past }) => ({ id, past }))).toEqual(
    organizations.map((_, index) => ({ id: String(index + 1), past: "t" })),
  )
  for (const { original_id: original } of rows) {
    expect(original).toMatch(/^[A-Za-z0-9+/]{40,}={0,2}$/)
    expect(Buffer.from(original ?? "", "base64").toString("latin1")).not.toContain("u-4711")
  }
})
