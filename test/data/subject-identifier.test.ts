// Who a request is about: what is understood, what is refused, and that no refusal repeats a value.
import { expect, test } from "vitest"
import { checkIdentifiers, type Identifier, readIdentifiers } from "../../src/data/subject/identifiers.js"
import { failureOf } from "./failure.js"

test("ID is the main identifier and comes first; each --also keeps its value as it was typed", () => {
  const also = [
    "email=Jürgen.O'Neil+100%@Example.org",
    'name=Ju\u0308rgen = "x"',
    "ip=2001:DB8::1",
    "device= d ",
    "session=s=1",
    "resource=user/a/b",
    "text=_%\\",
    "id=u-4712",
  ]
  expect(readIdentifiers("u-4711", also)).toEqual([
    { kind: "id", value: "u-4711" },
    { kind: "email", value: "Jürgen.O'Neil+100%@Example.org" },
    { kind: "name", value: 'Ju\u0308rgen = "x"' },
    { kind: "ip", value: "2001:DB8::1" },
    { kind: "device", value: " d " },
    { kind: "session", value: "s=1" },
    { kind: "resource", value: "user/a/b" },
    { kind: "text", value: "_%\\" },
    { kind: "id", value: "u-4712" },
  ])
})

const secret = "geheim-4711"
test.each<[string, string, readonly string[], RegExp]>([
  ["an empty ID", " \t", [], /^identifier 1 \(id\) is empty$/],
  ["an ID without end", `${secret}${"x".repeat(1000)}`, [], /has more than 1000 characters$/],
  ["half a character", `${secret}\ud800`, [], /half of a surrogate pair/],
  ["the character NUL", `${secret}\0`, [], /NUL/],
  ["no kind", "u", [secret], /^--also, number 1, takes KIND=VALUE, where KIND is id, .* or text$/],
  ["a kind that there is not", "u", [`${secret}=1`], /takes KIND=VALUE/],
  ["a kind in other letters", "u", ["name=x", `Email=${secret}`], /^--also, number 2,/],
  ["an empty value", "u", ["email="], /^identifier 2 \(email\) is empty$/],
  ["what is no address", "u", [`ip=${secret}`], /^identifier 2 \(ip\) is no IP address$/],
  ["a network", "u", ["ip=10.0.0.0/8"], /is no IP address$/],
  ["an address with an interface", "u", ["ip=fe80::1%eth0"], /is no IP address$/],
  ["a resource without a type", "u", [`resource=/${secret}`], /is no resource/],
  ["a resource without an id", "u", [`resource=${secret}/`], /is no resource/],
  ["the same twice", secret, [`id=${secret}`], /^identifier 2 \(id\) is the same as identifier 1$/],
  [
    "the same in another form",
    "u",
    ["name=J\u00fcrgen", "name=Ju\u0308rgen"],
    /is the same as identifier 2$/,
  ],
  ["an address in other letters", "u", ["email=A@x", "email=a@X"], /is the same as identifier 2$/],
])("%s is refused, and not repeated", async (_, id, also, words) => {
  const error = await failureOf(async () => readIdentifiers(id, also))
  expect(error).toMatchObject({ code: "usage", message: expect.stringMatching(words) })
  expect(`${error.message}${error.hint}`).not.toContain("geheim")
})

test("values that differ only for another kind, or in the letters of an id, are two identifiers", () => {
  expect(readIdentifiers("a", ["id=A", "name=a", "text=a", "name=A"])).toHaveLength(5)
})

test("a caller of the library is refused the same: none at all, a kind that there is not, more than a thousand", async () => {
  const check = (list: readonly Identifier[]) => failureOf(async () => checkIdentifiers(list))
  expect(await check([])).toMatchObject({ code: "usage" })
  expect((await check([{ kind: secret as "id", value: "x" }])).message).not.toContain(secret)
  const many = Array.from({ length: 1001 }, (_, at) => ({ kind: "id" as const, value: `u${at}` }))
  expect(await check(many)).toMatchObject({ code: "usage" })
  expect(checkIdentifiers(many.slice(1))).toBeUndefined()
})
