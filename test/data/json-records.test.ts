// Cutting a stream of JSON into its records, whatever the pieces are in which it arrives.
import { describe, expect, test } from "vitest"
import { jsonRecords } from "../../src/data/import/json-records.js"

describe("the splitter", () => {
  const split = (text: string, size: number) => {
    const splitter = jsonRecords("Records")
    const bytes = Buffer.from(text)
    const records = []
    for (let at = 0; at < bytes.length; at += size)
      records.push(...splitter.push(Buffer.from(bytes.subarray(at, at + size))))
    return [...records, ...splitter.end()].map(({ line, raw, problem }) =>
      [line, raw.toString(), problem ?? ""].join("|"),
    )
  }

  test("gives the same records whatever the pieces are", () => {
    const text =
      '{"a":"é😀\\"]}","Records":[{"b":"[\\\\"},\n 1,true, "s,\\" ]",{},[],\n{"c":[{"d":"}"}]}],"z":[{}]}\n[{"e":1}\n,2]x "y" {"f":2}'
    const whole = split(text, text.length * 4)
    expect(whole).toEqual([
      '1|{"b":"[\\\\"}|',
      "2|1|",
      "2|true|",
      '2|"s,\\" ]"|',
      "2|{}|",
      "2|[]|",
      '3|{"c":[{"d":"}"}]}|',
      '4|{"e":1}|',
      "5|2|",
      "5|x|",
      '5|"y"|',
      '5|{"f":2}|',
    ])
    for (let size = 1; size < 20; size += 1) expect(split(text, size)).toEqual(whole)
  })

  test("says when a file ends in the middle, and goes on after garbage", () => {
    expect(split('{"Records":[{"a":1}', 5)).toEqual(['1|{"a":1}|', "1||the file ends before its JSON does"])
    expect(split('{"Records":[{"a":1},{"b', 5)).toEqual([
      '1|{"a":1}|',
      '1|{"b|the file ends before its JSON does',
    ])
    expect(split('}}\n{"a":1}', 5)).toEqual(["1|}}|", '2|{"a":1}|'])
    expect(split("", 5)).toEqual([])
  })
})
