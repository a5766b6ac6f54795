// The second verifier says what verify says of archives, of acts that restored and removed them, and of what was changed by hand.
import { describe, vi } from "vitest"
import type * as Database from "../database.js"

// The logs are those tests', and so is what must be found; every verification is compared.
vi.mock("../database.js", async (original) => {
  const { compareAll } = await import("./compared-database.js")
  return compareAll(await original<typeof Database>())
})

describe("acts and control tables", async () => {
  await import("../data/verify-archive.test.js")
})
describe("files", async () => {
  await import("../data/verify-archive-files.test.js")
  await import("../data/verify-archive-places.test.js")
})
describe("holds and removals", async () => {
  await import("../data/verify-archive-acts.test.js")
})
