// Which name somebody meant: a slip or two, never a guess.
import { expect, test } from "vitest"
import { near } from "../../src/data/near.js"

test.each([
  ["acem", ["acme"]],
  ["ACME", ["acme"]],
  ["amce-eu", ["acme-eu"]],
  ["acm", ["acme"]],
  ["acmee", ["acme"]],
  ["acme-e", ["acme-eu", "acme-us", "acme"]],
  ["zebra", []],
  ["ab", []],
  ["", []],
])("%s means %j", (typed, meant) => {
  expect(near(typed, ["globex", "acme-us", "acme", "acme-eu"])).toEqual(meant)
})

test("the nearest comes first, and no more than were asked for", () => {
  expect(near("verify", ["verity", "verify", "vérify"], 2)).toEqual(["verify", "verity"])
})
