// A hold and the archives that may have events of it: counted, named, and told again when it is released.
import { expect, test } from "vitest"
import { describeAdded, describeHold, describeReleased } from "../../src/data/hold/describe.js"
import { archive } from "./archived-log.js"
import { heldLogs } from "./hold-fixture.js"

const log = heldLogs()

/** Events 1 to 4 are of January 2026, event 5 of February, in DEFAULT all; of each organization and month an archive. */
async function archived(): Promise<string[]> {
  const { db } = log()
  await db.query(
    "select pgtrail.split_default('{event_2026_01,event_2026_02}', '{2026-01-01Z,2026-02-01Z}', '{2026-02-01Z,2026-03-01Z}')",
  )
  return [(await archive(db, "event_2026_01")).name, (await archive(db, "event_2026_02")).name]
}

test("a hold counts and names the archives that organization, type and time do not rule out, and no others", async () => {
  const [january = "", february = ""] = await archived()
  const { hold, trail } = log()
  for (const [what, names] of [
    [{ actor: "nobody" }, [january, february]],
    [{ organization: "acme" }, [january]],
    [{ type: "data" }, [february]],
    [{ type: "auth.login" }, [january]],
    [{ type: "aut" }, []],
    [{ since: "2026-02-01T00:00:00Z" }, [february]],
    [{ until: "2026-02-01T00:00:00Z" }, [january]],
    [{ organization: "acme", type: "data.read" }, []],
  ] as const) {
    const added = await hold({ case: JSON.stringify(what), ...what })
    expect([what, added.archives]).toEqual([what, { archives: String(names.length), names }])
    const shown = await trail.hold(JSON.stringify(what), { count: false })
    expect(shown).toMatchObject({ held: null, archives: { names }, holds: [{ archives: { names } }] })
    for (const name of [january, february]) {
      expect(describeAdded(added).includes(name)).toBe((names as readonly string[]).includes(name))
    }
  }
})

test("where no event is in the table the words still tell of archives, which the database then refuses to remove", async () => {
  const [january = "", february = ""] = await archived()
  const { db, hold, trail } = log()
  const added = await hold({ actor: "u1" })
  expect(added.held?.events).toBe("0")
  const words = `2 archives may have events of it: ${january}, ${february}; they cannot be removed`
  expect(describeAdded(added)).toContain(
    `no event in the log itself fits now: what is appended and fits is held too\n${words}`,
  )
  const shown = describeHold(await trail.hold("C"))
  expect(shown).toMatch(/^case C: 1 hold in force, 0 events held, 2 archives that may have events of it\n/)
  expect(shown).toContain(`archives      ${words}`)
  for (const name of [january, february]) {
    await expect(db.query("select pgtrail.remove_archive($1, 'over')", [name])).rejects.toThrow("legal hold")
  }
  await trail.addHold({ case: "D", reason: "r", organization: "globex", type: "data" })
  const released = await trail.releaseHold("C", { reason: "settled" })
  expect(released.free_archives).toEqual({ archives: "1", names: [january] })
  expect(describeReleased(released)).toMatch(
    new RegExp(
      `\\n0 events held by it until now\\n1 archive may be removed again when past its keep: ${january}$`,
    ),
  )
  await db.query("select pgtrail.remove_archive($1, 'over')", [january])
  await expect(db.query("select pgtrail.remove_archive($1, 'over')", [february])).rejects.toThrow("case D")
  // What is removed has no events any more, and what holds nothing keeps nothing.
  expect((await hold({ actor: "u1" })).archives).toEqual({ archives: "1", names: [february] })
  expect((await trail.hold("C")).holds.map(({ archives }) => archives?.archives)).toEqual(["0", "1"])
})

test("of many archives three are named", async () => {
  const names = ["a", "b", "c", "d", "e"]
  const added = await log().hold({ actor: "x" })
  const told = describeAdded({ ...added, archives: { archives: "5", names } })
  expect(told).toContain("\n5 archives may have events of it: a, b, c and 2 others; they cannot be removed")
  expect(describeAdded(added)).not.toContain("archive")
})
