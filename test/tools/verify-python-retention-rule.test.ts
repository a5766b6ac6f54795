// The second verifier says what verify says of every version of the rules of retention, and of holds.
import { describe, vi } from "vitest"
import type * as Database from "../database.js"

vi.mock("../database.js", async (original) => {
  const { compareAll } = await import("./compared-database.js")
  return compareAll(await original<typeof Database>())
})

describe("rules of retention", async () => {
  await import("../data/retention-rule-refused.test.js")
})
