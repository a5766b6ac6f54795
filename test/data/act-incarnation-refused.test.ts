// Incarnations that are not opened: what is no checkpoint of this log, no list of heads, or no loss is refused, and nothing changes.
import { afterAll, beforeAll, expect, test } from "vitest"
import { type TestDatabase, testDatabase } from "../database.js"
import { hashOf as hash, noteSql, type Opening, openWith } from "./opening.js"

let db: TestDatabase
// One for all: what is refused changes nothing, and each says so. The last opens some.
beforeAll(async () => {
  db = await testDatabase()
  await db.query(
    "insert into pgtrail.event (organization_id, event_type) select o, 'x' from unnest(array['acme', 'Globex']) o, generate_series(1, 5)",
  )
})
afterAll(() => db.drop())

const open = (opening?: Opening) => openWith(db, opening)
const incarnations = () => db.query("select * from pgtrail.incarnation order by number")
const lanes = (count: number) => Array.from({ length: count }, (_, at) => [`lane ${at}`, "0", "1", hash("x")])

test.each<[string, Opening]>([
  ["no reason", { reason: null }],
  ["another reason", { reason: "install" }],
  ["SQL as its reason", { reason: "restore'; delete from pgtrail.event --" }],
  ["no checkpoint", { checkpoint: () => null }],
  ["an empty checkpoint", { checkpoint: () => "" }],
  ["something else as its checkpoint", { checkpoint: () => "checkpoint" }],
  ["a checkpoint that is too long", { checkpoint: (note) => note + "\u2014 test AAAA\n".repeat(5000) }],
  ["a number that is none", { checkpoint: (note) => note.replace("/1\n", "/99999999999\n") }],
  ["a checkpoint that goes on", { checkpoint: (note) => note.replace("\n\n", "\nmore\n\n") }],
  ["a checkpoint that ends early", { checkpoint: (note) => note.replace(/time .*\n/, "") }],
  ["a text before the checkpoint", { checkpoint: (note) => `x\n${note}` }],
  ["a checkpoint without a signature", { checkpoint: (note) => note.replace(/\u2014.*\n/u, "") }],
  ["a checkpoint with text behind", { checkpoint: (note) => `${note}x\n` }],
  ["another time", { checkpoint: (note) => note.replace(/time \d{4}/, "time 2001") }],
  ["digits that are none", { checkpoint: (note) => note.replace("1000000", "01000000") }],
  ["base64 of another form", { checkpoint: (note) => note.replace("A=\nlanes", "B=\nlanes") }],
  ["no act", { checkpoint: (note) => note.replace(/act .*\n/, "act none\n") }],
  [
    "an act whose number is too large",
    { checkpoint: (note) => note.replace(/act 9+/, `act ${"9".repeat(19)}`) },
  ],
  ["a checkpoint of another log", { checkpoint: (note) => note.replace(/[0-9a-f]{8}-/, "01234567-") }],
  ["an incarnation far beyond", { number: 1002 }],
  [
    "a seq that is too large",
    {
      lost: [["gone", "0", "9007199254740993", hash("x")]],
      checkpoint: (note) => note.replace("1000000", "9".repeat(30)),
    },
  ],
  ["more events than the checkpoint has", { lost: [["gone", "0", "1000001", hash("x")]] }],
  ["more lanes than the checkpoint has", { lost: lanes(1001) }],
  ["no time", { time: null }],
  ["a time that never comes", { time: "infinity" }],
  ["a lane twice", { lost: [1, 2].map(() => ["gone", "0", "7", hash("x")]) }],
  ["no organization", { lost: [[null, "0", "7", hash("x")]] }],
  ["no lane", { lost: [["gone", null, "7", hash("x")]] }],
  ["no seq", { lost: [["gone", "0", null, hash("x")]] }],
  ["seq 0", { lost: [["gone", "0", "0", hash("x")]] }],
  ["a hash of another length", { lost: [["gone", "0", "7", "\\x00"]] }],
  ["no hash", { lost: [["gone", "0", "7", null]] }],
  ["an event that is still there", { lost: [["acme", "0", "5", hash("x")]] }],
  ["an event before those of its time", { lost: [["acme", "0", "3", hash("x")]] }],
])("with %s none is opened, and nothing changes", async (_, opening) => {
  await expect(open(opening)).rejects.toMatchObject({ code: "TR009" })
  expect(await incarnations()).toHaveLength(1)
  expect(await db.query("select incarnation from pgtrail.log")).toEqual([{ incarnation: "1" }])
  expect(await db.query("select count(*) as n from pgtrail.act")).toEqual([{ n: "1" }])
})

test("lists that differ in length are refused", async () => {
  for (const lists of [
    "'{a}', '{}', '{}', '{}'",
    "'{}', '{0}', '{}', '{}'",
    "'{}', '{}', '{1}', '{}'",
    "'{}', '{}', '{}', array[sha256('x')]",
    "null, null, null, null",
    "'{a,b}', '{0}', '{1}', array[sha256('x')]",
  ]) {
    await expect(
      db.query(`select pgtrail.open_incarnation('restore', ${noteSql()}, ${lists}, now())`),
      lists,
    ).rejects.toMatchObject({ code: "TR009" })
  }
  expect(await incarnations()).toHaveLength(1)
})

test("while the act of the checkpoint is there nothing is lost, and without a loss one is opened all the same", async () => {
  const [act] = await db.query("select encode(hash, 'base64') as hash, seq from pgtrail.act")
  const present = (note: string) => note.replace(/act .*\n/, `act ${act?.seq} ${act?.hash}\n`)
  const lost = [["gone", "0", "7", hash("x")]]
  await expect(open({ lost, checkpoint: present })).rejects.toMatchObject({
    code: "TR009",
    message: "the act of that checkpoint is still there: the log was not set back",
    hint: expect.stringContaining("pgtrail verify --checkpoint tells what is missing"),
  })
  expect(await incarnations()).toHaveLength(1)
  expect(await open({ checkpoint: present })).toMatchObject({ number: "2" })
  expect(await open({ lost, checkpoint: (note) => present(note).replace(/act \d+/, "act 2") })).toMatchObject(
    {
      number: "3",
    },
  )
})
