// The second verifier says what verify says of logs whose events were redacted, and of what was changed by hand after.
import { describe, vi } from "vitest"
import type * as Database from "../database.js"

// The logs are those tests', and so is what must be found; every verification is compared.
vi.mock("../database.js", async (original) => {
  const { compareAll } = await import("./compared-database.js")
  return compareAll(await original<typeof Database>())
})

describe("redactions", async () => {
  await import("../data/verify-redact.test.js")
})
describe("attacks", async () => {
  await import("../data/verify-redact-attacks.test.js")
})
describe("control tables", async () => {
  await import("../data/verify-redact-control.test.js")
})
describe("archives", async () => {
  await import("../data/verify-redact-archive.test.js")
})
describe("holds that were cleared of names", async () => {
  await import("../data/subject-erase-holds.test.js")
})
