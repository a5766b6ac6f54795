// The second verifier says what verify says of every altered column of an event, and of every change of the catalog.
import { describe, vi } from "vitest"
import type * as Database from "../database.js"

// The logs are those tests', and so is what must be found; every verification is compared.
vi.mock("../database.js", async (original) => {
  const { compareAll } = await import("./compared-database.js")
  return compareAll(await original<typeof Database>())
})

describe("columns", async () => {
  await import("../data/verify-columns.test.js")
})
describe("catalog", async () => {
  await import("../data/verify-catalog.test.js")
})
