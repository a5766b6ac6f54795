// The second verifier says what verify says of rules, holds, detached partitions and purges by retention, and of what was changed by hand.
import { describe, vi } from "vitest"
import type * as Database from "../database.js"

// The logs are those tests', and so is what must be found; every verification is compared.
vi.mock("../database.js", async (original) => {
  const { compareAll } = await import("./compared-database.js")
  return compareAll(await original<typeof Database>())
})

describe("control tables", async () => {
  await import("../data/verify-lifecycle.test.js")
})
describe("purges", async () => {
  await import("../data/verify-lifecycle-purge.test.js")
})
describe("partitions", async () => {
  await import("../data/verify-lifecycle-partition.test.js")
})
