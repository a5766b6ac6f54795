// What an S3 server answers is read in as many steps as it is long, whatever it is.
import { describe, expect, test } from "vitest"
import { elementOf, elementsOf } from "../../src/data/store/xml.js"

describe("an element", () => {
  test.each([
    ["<Code>A</Code>", "A"],
    ["<Error><CodeName>x</CodeName><Code a='1' b>A</Code><Code>B</Code></Error>", "A"],
    ["<Code\n>A</Code>", "A"],
    ["<Code><Code>A</Code>", "A"],
    ["<Code <Code>A</Code>", "A"],
    ["<Code>A<b/></Code><Code>B</Code>", "B"],
    ["<Code>a&amp;b&#65;&#x42;&unknown;</Code>", "a&bAB&unknown;"],
    ["<Code></Code>", ""],
    ["<Code/><Code>A</Code>", "A"],
    ["<Code>A", undefined],
    ["<Code", undefined],
    ["<Codes>A</Codes>", undefined],
    ["", undefined],
  ])("of %j is %j", (text, found) => {
    expect(elementOf(text, "Code")).toBe(found)
  })

  test("that comes several times is found each time", () => {
    expect(elementsOf("<C>1</C><Cs>2</Cs><C x='y'><D>3</D></C><C></C><C>4", "C")).toEqual([
      "1",
      "<D>3</D>",
      "",
    ])
  })
})

test.each([
  "<Code ",
  "<Code",
  "<Code>",
  "<Code><",
  "<Code >",
  "<Code <Code>",
  "<Code <x>",
  "</Code>",
  "<Code>&amp",
  "&",
  "<",
])("eight megabytes of %j are read in no time", (part) => {
  const text = part.repeat(Math.ceil(8_000_000 / part.length))
  const began = performance.now()
  elementOf(text, "Code")
  elementsOf(text, "Code")
  elementOf(`<Code>${text}</Code>`, "Code")
  // Where each step looks at the rest again it takes hours.
  expect(performance.now() - began).toBeLessThan(8_000)
})
