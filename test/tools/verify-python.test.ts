// The second verifier says what verify says of the logs that the tests of verify tamper with: events, acts, and against checkpoints.
import { describe, vi } from "vitest"
import type * as Database from "../database.js"

// The logs are those tests', and so is what must be found; every verification is compared.
vi.mock("../database.js", async (original) => {
  const { compareAll } = await import("./compared-database.js")
  return compareAll(await original<typeof Database>())
})

describe("structure", async () => {
  await import("../data/verify-structure.test.js")
})
describe("acts", async () => {
  await import("../data/verify-acts.test.js")
})
describe("accepted findings", async () => {
  await import("../data/verify-accepted.test.js")
})
describe("checkpoints", async () => {
  await import("../data/verify-checkpoint.test.js")
})
describe("a log that was set back", async () => {
  await import("../data/verify-rollback.test.js")
})
