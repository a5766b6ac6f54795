// The second verifier says what verify says of logs of which some was purged, and of records of purges that do not fit.
import { describe, vi } from "vitest"
import type * as Database from "../database.js"

// The logs are those tests', and so is what must be found; every verification is compared.
vi.mock("../database.js", async (original) => {
  const { compareAll } = await import("./compared-database.js")
  return compareAll(await original<typeof Database>())
})

describe("purges", async () => {
  await import("../data/purge-verify.test.js")
})
