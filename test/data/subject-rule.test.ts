// Rules of what is personal: what they may say, that each is an act, who may change them, and how a path is written.
import { afterAll, beforeAll, expect, test } from "vitest"
import type { NewSubjectRule, Trail } from "../../src/data/index.js"
import { readPath, writePath } from "../../src/data/subject/rule-path.js"
import { ruleWords } from "../../src/data/subject/rules.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { failureOf } from "./failure.js"

let db: TestDatabase
let trail: Trail
beforeAll(async () => {
  db = await testDatabase()
  trail = await db.trail()
  await trail.append({ event_type: "a" })
})
afterAll(() => db?.drop())

const as = async (group: string): Promise<Trail> =>
  db.trail({ url: (await db.role({ memberOf: [group] })).url })

test("a rule is added by an act, counts once, and is removed by another; the log verifies after each", async () => {
  const privacy = await as("pgtrail_privacy")
  const { act, rule } = await privacy.addSubjectRule({
    kind: "resource",
    resourceType: "user",
    note: "customers",
  })
  expect(rule).toMatchObject({
    rule: act,
    kind: "resource",
    resource_type: "user",
    ended_act: null,
    note: "customers",
  })
  expect(await privacy.addSubjectRule({ kind: "resource", resourceType: "user" })).toEqual({
    act: null,
    rule: null,
  })
  expect((await trail.verify()).verdict).toBe("intact")
  const removed = await privacy.removeSubjectRule(act ?? "")
  expect(await trail.subjectRules()).toEqual([])
  expect(await trail.subjectRules({ all: true })).toMatchObject([{ rule: act, ended_act: removed.act }])
  expect(await failureOf(privacy.removeSubjectRule(act ?? ""))).toMatchObject({
    code: "not-found",
    message: `the rule ${act} was removed already`,
  })
  expect(await failureOf(privacy.removeSubjectRule("999"))).toMatchObject({ code: "not-found" })
  // It is another rule, though it says the same.
  const again = await privacy.addSubjectRule({ kind: "resource", resourceType: "user" })
  expect(again.act).not.toBeNull()
  await privacy.removeSubjectRule(again.act ?? "")
  expect((await trail.verify()).verdict).toBe("intact")
})

test("an operator may change them; reader, auditor and writer may not, and readers see them without who made them", async () => {
  const operator = await as("pgtrail_operator")
  const { act } = await operator.addSubjectRule({ kind: "keep", tag: "SOX" })
  for (const group of ["pgtrail_reader", "pgtrail_auditor"]) {
    const other = await as(group)
    expect(await failureOf(other.addSubjectRule({ kind: "keep", tag: "PCI" }))).toMatchObject({
      code: "privilege",
    })
    expect(await failureOf(other.removeSubjectRule(act ?? ""))).toMatchObject({ code: "privilege" })
    expect(await other.subjectRules()).toMatchObject([{ rule: act, kind: "keep", compliance_tag: "SOX" }])
  }
  expect(await failureOf((await as("pgtrail_writer")).subjectRules())).toMatchObject({ code: "privilege" })
  await operator.removeSubjectRule(act ?? "")
})

test("a rule that is changed by hand is refused, and found where somebody gets around it", async () => {
  const { act } = await trail.addSubjectRule({ kind: "keep", classification: "PHI" })
  for (const sql of [
    "update pgtrail.subject_rule set kind = 'path'",
    "delete from pgtrail.subject_rule",
    "truncate pgtrail.subject_rule",
  ]) {
    await expect(db.query(sql)).rejects.toMatchObject({ code: "TR002" })
  }
  await trail.removeSubjectRule(act ?? "")
})

const refused: readonly (readonly [NewSubjectRule, RegExp])[] = [
  [{ kind: "resource" }, /names its type/],
  [{ kind: "resource", resourceType: "" }, /not empty/],
  [{ kind: "resource", resourceType: "user", tag: "SOX" }, /nothing more/],
  [{ kind: "path", path: ["detail", "a"] }, /begins with/],
  [{ kind: "path" }, /names the path/],
  [{ kind: "path", path: [] }, /names the path/],
  [{ kind: "path", path: ["details", "a"], classification: "PHI" }, /names the path/],
  [{ kind: "keep" }, /names a classification/],
  [{ kind: "keep", eventType: "auth." }, /without a dot/],
  [{ kind: "keep", eventType: "auth.*" }, /without a dot/],
  [{ kind: "keep", classification: "SECRET" }, /PUBLIC/],
  [{ kind: "keep", tag: "x".repeat(1001) }, /1000 characters/],
  [{ kind: "keep", tag: "SOX", note: "x".repeat(2001) }, /2000 characters/],
]
test.each(refused)("refused: %j", async (rule, message) => {
  const failure = await failureOf(trail.addSubjectRule(rule))
  expect(failure).toMatchObject({ code: "usage" })
  expect(failure.message).toMatch(message)
  expect(await trail.subjectRules()).toEqual([])
})

const paths: readonly (readonly [string, readonly string[], string])[] = [
  ["details", ["details"], "details"],
  ["details.user.email", ["details", "user", "email"], "details.user.email"],
  ["before_state.list[3].name", ["before_state", "list", "3", "name"], "before_state.list[3].name"],
  ["after_state.list[*].*", ["after_state", "list", "*", "*"], "after_state.list.*.*"],
  [
    'request_params."a.b [c]"."q\\"uote"',
    ["request_params", "a.b [c]", 'q"uote'],
    'request_params."a.b [c]"."q\\"uote"',
  ],
  ["details.über.straße", ["details", "über", "straße"], "details.über.straße"],
]
test.each(paths)("the path %s is read, written and read alike", (typed, path, written) => {
  expect(readPath(typed)).toEqual(path)
  expect(writePath(path)).toBe(written)
  expect(readPath(writePath(path))).toEqual(path)
})

test.each([
  "",
  "detail.a",
  "detailsx.a",
  "details.",
  "details..a",
  "details.a b",
  "details[x]",
  "details[-1]",
  'details."a',
  'details."\\x"',
  "details.a]",
])("no path: %j", (typed) => {
  expect(() => readPath(typed)).toThrow(expect.objectContaining({ code: "usage" }))
})

test("each kind of rule has its words", async () => {
  const rules = [
    { kind: "resource", resourceType: "user" },
    { kind: "path", path: ["details", "user", "email"], eventType: "auth" },
    { kind: "keep", eventType: "pay", classification: "PHI", tag: "SOX" },
  ] as const
  for (const rule of rules) await trail.addSubjectRule(rule)
  expect((await trail.subjectRules()).map(ruleWords)).toEqual([
    "resources of type user are people",
    "details.user.email is personal in events of type auth",
    "an erasure leaves a token in events of type pay with classification PHI and tag SOX",
  ])
})
