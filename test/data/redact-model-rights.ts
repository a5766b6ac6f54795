// More steps of a random life in which people are erased: archives are written anew without them, events are rectified, people are restricted.
import { randomBytes } from "node:crypto"
import { expect } from "vitest"
import type { Trail } from "../../src/data/index.js"
import { redactArchives } from "../../src/data/subject/archives.js"
import { eraseBytes } from "../../src/data/subject/physical.js"
import type { TestDatabase } from "../database.js"
import type { Known, Model } from "./lifecycle-model.js"
import { oneOf, type Step } from "./lifecycle-steps.js"
import { gone, isKept, type People, users } from "./redact-model-steps.js"
import { backup } from "./subject-backup.js"

const asked = { reason: "model", requestedBy: "dpo" }

/** `restricted`: who is, as the model knows it; `register`: a file for erasures, made by the first. */
export function rightsSteps(
  trail: Trail,
  people: People,
  restricted: Set<string>,
  register: string,
): Record<string, Step> {
  const rewrite: Step = async (db, model, pick) => {
    // Of somebody who is in one, where anybody is.
    const archived = [...model.archives.values()].flatMap(({ state, events }) =>
      state === "archived" ? events : [],
    )
    const inside = users.filter((user) => archived.some(({ actor }) => actor === user))
    const subject = oneOf(inside.length > 0 ? inside : users, pick)
    const inText = pick(2) === 0
    const target = { connectionString: db.url }
    const done = new Map<string, object>()
    for await (const one of redactArchives(target, [{ kind: "id", value: subject }], {
      ...{ strategy: "erase", reason: "model", inText },
    })) {
      done.set(one.archive, one)
      renamed(model, one.archive, one.new_name)
    }
    let events = 0
    for (const [name, archive] of model.archives) {
      if (archive.state !== "archived") continue
      const before =
        [...done.values()].find((one) => "new_name" in one && one.new_name === name) ?? done.get(name)
      const found = archive.events.filter((event) => people.isFound(event, subject, inText))
      const free = found.filter((event) => !model.isHeld(event))
      const kept = free.filter((event) => isKept(model, event)).length
      const told = { name, subject, inText }
      expect({ ...told, ...(before ?? { events: "0", held: "0", kept: "0", unsound: "0" }) }).toMatchObject({
        ...told,
        ...{ events: String(free.length), kept: String(kept) },
        ...{ held: String(found.length - free.length), unsound: "0" },
      })
      const taken = new Set(free)
      for (const event of free) people.replace(event, subject, gone)
      model.archives.set(name, {
        ...archive,
        events: archive.events.map((event) =>
          taken.has(event) && event.actor === subject ? { ...event, actor: gone } : event,
        ),
      })
      events += free.length
    }
    return `erase ${subject} in archives${inText ? ", in text" : ""}: ${events} in ${done.size}`
  }

  const rectify: Step = async (db, model, pick) => {
    const live = [...model.live.values()]
    if (live.length === 0) return "nothing to rectify"
    const old = oneOf(live, pick)
    const [, organization = "", lane = "", seq = ""] = /^(.*)\/(\d+)\/(\d+)$/.exec(old.place) ?? []
    const there = await db.query(
      "select from pgtrail.event e where e.organization_id = $1 and e.lane = $2 and e.seq = $3",
      [organization, lane, seq],
    )
    if (there.length === 0) return `${old.place} is detached`
    const { place } = await trail.rectifyEvent(
      { organization, lane, seq },
      { set: new Map([["description", '"right"']]), ...asked },
    )
    // Its own actor is whoever rectifies: nobody of these people.
    const event: Known = { ...old, place, type: "gdpr.rectified", actor: gone, age: 0 }
    model.live.set(place, event)
    model.appended += 1
    people.said.set(place, { who: old.actor, to: gone, identity: false, content: false, isAbout: true })
    return `rectify ${old.place}: ${place}`
  }

  const restrict: Step = async (db, _, pick) => {
    const subject = oneOf(users, pick)
    const { act } = await trail.restrictSubject([{ kind: "id", value: subject }], asked)
    expect({ subject, isNew: act !== null }).toEqual({ subject, isNew: !restricted.has(subject) })
    restricted.add(subject)
    return `restrict ${subject}: ${await expectHidden(db, restricted)}`
  }

  const unrestrict: Step = async (db, _, pick) => {
    if (restricted.size === 0) return "nobody is restricted"
    const subject = oneOf([...restricted].sort(), pick)
    const { restrictions } = await trail.unrestrictSubject(
      { identifiers: [{ kind: "id", value: subject }] },
      asked,
    )
    expect({ subject, lifted: restrictions.length }).toEqual({ subject, lifted: 1 })
    restricted.delete(subject)
    return `unrestrict ${subject}: ${await expectHidden(db, restricted)}`
  }

  const physical: Step = async (db) => {
    const { partitions, left } = await eraseBytes({ connectionString: db.url }, {})
    expect({ left, failed: partitions.filter(({ why }) => why !== null) }).toEqual({ left: [], failed: [] })
    return `write ${partitions.length} anew`
  }

  /** The erasure is of a life that is lost: a restore brings the values back, and the register takes them away. */
  const reapply: Step = async (db, model, pick) => {
    const live = [...model.live.values()]
    const inside = users.filter((user) => live.some(({ actor }) => actor === user))
    const subject = oneOf(inside.length > 0 ? inside : users, pick)
    const inText = pick(2) === 0
    const found = live.filter((event) => people.isFound(event, subject, inText))
    const free = found.filter((event) => !model.isHeld(event))
    const told = { subject, inText, events: String(free.length) }
    const restore = await backup({ db })
    const { receipt } = await trail.eraseSubject([{ kind: "id", value: subject }], {
      ...{ ...asked, inText, register, confirm: subject, archives: false },
    })
    expect({ subject, inText, events: receipt?.events }).toEqual(told)
    const erased = await valuesOf(db)
    await restore()
    const { events, unsound } = await trail.reapply(register)
    expect({ subject, inText, events, unsound }).toEqual({ ...told, unsound: "0" })
    expect(await valuesOf(db)).toEqual(erased)
    for (const event of free) {
      people.replace(event, subject, gone)
      model.live.set(event.place, { ...event, actor: event.actor === subject ? gone : event.actor })
    }
    return `restore, and erase ${subject} again${inText ? ", in text" : ""}: ${free.length} of ${found.length}`
  }

  const secret = randomBytes(32).toString("base64")
  const keys = { ids: ["key-again"], read: async () => secret }
  /** The same of a pseudonym: it is the same one after. */
  const reapplyPseudonym: Step = async (db, model, pick) => {
    const known = await db.query("select from pgtrail.privacy_key where key_id = 'key-again'")
    if (known.length === 0) await trail.addPrivacyKey({ id: "key-again", keys })
    const live = [...model.live.values()]
    const inside = users.filter((user) => live.some(({ actor }) => actor === user))
    const subject = oneOf(inside.length > 0 ? inside : users, pick)
    const strategy = oneOf(["hash", "token", "encrypt"] as const, pick)
    const inText = pick(2) === 0
    const found = live.filter((event) => people.isFound(event, subject, inText))
    const free = found.filter((event) => !model.isHeld(event))
    const told = { subject, strategy, inText, events: String(free.length) }
    const restore = await backup({ db })
    const { events, organizations } = await trail.pseudonymize([{ kind: "id", value: subject }], {
      ...{ ...asked, strategy, inText, register, keys, archives: false },
    })
    expect({ subject, strategy, inText, events }).toEqual(told)
    const named = await valuesOf(db)
    await restore()
    const { pseudonymizations } = await trail.reapply(register, { keys })
    const again = pseudonymizations.filter(({ replaced }) => replaced !== "0")
    expect({ ...told, why: again.map(({ why }) => why) }).toEqual({
      ...told,
      why: free.length > 0 ? [null] : [],
    })
    expect(await valuesOf(db)).toEqual(named)
    const pseudonyms = new Map(organizations.map((one) => [one.organization_id, one.pseudonym ?? ""]))
    for (const event of free) {
      const pseudonym = pseudonyms.get(event.organization) ?? gone
      people.replace(event, subject, pseudonym)
      model.live.set(event.place, { ...event, actor: event.actor === subject ? pseudonym : event.actor })
    }
    return `restore, and give ${subject} a ${strategy} again${inText ? ", in text" : ""}: ${free.length} of ${found.length}`
  }

  return { rewrite, rectify, restrict, unrestrict, physical, reapply, reapplyPseudonym }
}

/** Of all events, also of detached partitions, what can say who somebody is. Whether a value in JSON was an identifier, and got a token, no place tells. */
async function valuesOf(db: TestDatabase): Promise<unknown> {
  const detached = await db.query("select name from pgtrail.detached_partition order by 1")
  const from = ["event", ...detached.map(({ name }) => name)].map(
    (name) =>
      `select organization_id, lane, seq, actor_id, description, regexp_replace(details::text, '"p1:t:none:[^"]+"', '"[erased]"', 'g') from pgtrail.${name}`,
  )
  return await db.query(`select * from (${from.join(" union all ")}) e order by organization_id, lane, seq`)
}

function renamed(model: Model, name: string, to: string | null): void {
  const archive = model.archives.get(name)
  if (archive === undefined || to === null) return
  model.archives.delete(name)
  model.archives.set(to, archive)
}

/** The view that hides has all but what they did and what was done to them. Detached partitions have no view. */
export async function expectHidden(db: TestDatabase, restricted: ReadonlySet<string>): Promise<string> {
  const [row] = await db.query(
    `select (select count(*) from pgtrail.event) - (select count(*) from pgtrail.open_event) as hidden, (
       select count(*) from pgtrail.event e
       where e.actor_id = any ($1) or e.event_type = 'gdpr.rectified' and e.details ->> 'actor_id' = any ($1)) as expected`,
    [[...restricted]],
  )
  expect(row?.hidden).toBe(row?.expected)
  return row?.hidden ?? ""
}
