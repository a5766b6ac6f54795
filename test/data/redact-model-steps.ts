// The steps of a random life in which people are erased: each does something in the database and in the model, and says what.
import { expect } from "vitest"
import type { TestDatabase } from "../database.js"
import type { Known, Model } from "./lifecycle-model.js"
import { oneOf, type Pick, type Step } from "./lifecycle-steps.js"
import { redact } from "./redact-fixture.js"

const organizations = ["acme", "globex", "initech"]
export const users = ["user-0", "user-1", "user-2", "user-3", "user-4"]
/** What stands in the place of a value that is null, the marker, or a token of nobody. */
export const gone = "nobody"

interface Said {
  readonly who: string
  readonly to: string
  readonly identity: boolean
  readonly content: boolean
  /** It is about `who` by a rule: whoever looks for him finds it without a search of all text. */
  readonly isAbout?: boolean
}

/** What the documents of the events say, and which groups of them were redacted, wherever the events are now. */
export class People {
  readonly said = new Map<string, Said>()

  isFound(event: Known, subject: string, inText: boolean): boolean {
    const said = this.said.get(event.place)
    const isMentioned = said?.who === subject || said?.to === subject
    return event.actor === subject || ((inText || said?.isAbout === true) && isMentioned)
  }

  /** Of an event that has the subject. */
  replace(event: Known, subject: string, other: string): void {
    const before = this.said.get(event.place) as Said
    const now = (value: string) => (value === subject ? other : value)
    this.said.set(event.place, {
      ...before,
      who: now(before.who),
      to: now(before.to),
      identity: before.identity || event.actor === subject,
      content: before.content || before.who === subject || before.to === subject,
    })
  }

  redacted(model: Model): { identity: number; content: number } {
    const live = [...model.live.keys()].flatMap((place) => this.said.get(place) ?? [])
    return {
      identity: live.filter(({ identity }) => identity).length,
      content: live.filter(({ content }) => content).length,
    }
  }
}

export function peopleSteps(people: People): Step[] {
  const append: Step = async (db, model, pick) => {
    const count = 1 + pick(12)
    for (let n = 0; n < count; n += 1) {
      const event = {
        organization: oneOf(organizations, pick),
        type: oneOf(["auth", "auth.login", "authz.grant", "data.read", "data"], pick),
        policy: oneOf(["standard", "short", "long"], pick),
        classification: pick(2) === 0 ? "PHI" : null,
        tag: pick(4) === 0 ? "PCI" : null,
        actor: oneOf(users, pick),
        age: oneOf([3000, 800, 400, 100, 45, 20, 2, -20, -300], pick) + pick(40) + 0.5,
      }
      const to = oneOf(users, pick)
      const place = await insert(db, event, to)
      model.live.set(place, { ...event, place })
      model.appended += 1
      people.said.set(place, { who: event.actor, to, identity: false, content: false })
    }
    return `append ${count}`
  }

  const redaction: Step = async (db, model, pick) => {
    // Sometimes one that is a pseudonym already.
    const known = [...new Set([...model.live.values()].map(({ actor }) => actor))].filter(
      (one) => one !== gone,
    )
    const subject = pick(4) === 0 && known.length > 0 ? oneOf(known.sort(), pick) : oneOf(users, pick)
    const strategy = oneOf(["erase", "erase", "hash", "token", "encrypt"], pick)
    const only = pick(3) === 0 ? [oneOf(organizations, pick)] : undefined
    const inText = pick(2) === 0
    const pseudonyms = Object.fromEntries(
      organizations.map((name, at) => [
        name,
        `p1:${strategy[0]}:key-${pick(3)}:${`${at}${pick(1000)}`.padEnd(22, "A")}`,
      ]),
    )
    const found = [...model.live.values()].filter(
      (event) =>
        (only === undefined || only.includes(event.organization)) && people.isFound(event, subject, inText),
    )
    const free = found.filter((event) => !model.isHeld(event))
    const kept = free.filter((event) => isKept(model, event)).length
    const done = await redact(db, [["id", subject]], {
      strategy,
      inText,
      ...(strategy === "erase" ? {} : { replacements: pseudonyms }),
      ...(only === undefined ? {} : { organizations: only }),
    })
    const told = { strategy, subject, inText, only }
    expect({ ...told, ...done }).toMatchObject({
      ...told,
      events: String(free.length),
      held: String(found.length - free.length),
      unsound: "0",
      kept: String(kept),
    })
    for (const event of free) {
      const other = strategy === "erase" ? gone : (pseudonyms[event.organization] ?? gone)
      people.replace(event, subject, other)
      model.live.set(event.place, { ...event, actor: event.actor === subject ? other : event.actor })
    }
    return `${strategy} ${subject} in ${only ?? "all"}${inText ? ", in text" : ""}: ${free.length} of ${found.length}`
  }

  return [append, append, append, append, redaction, redaction, redaction, redaction]
}

export const isKept = (model: Model, event: Known): boolean =>
  [...model.floors.values()].some(({ tag, keep }) => tag === event.tag && event.age < keep)

async function insert(db: TestDatabase, event: Omit<Known, "place">, to: string): Promise<string> {
  const [row] = await db.query(
    `insert into pgtrail.event (organization_id, event_type, retention_policy, data_classification, compliance_tags, actor_id, occurred_at, details)
     values ($1, $2, $3, $4, $5, $6, now() - $7 * interval '24 hours', $8) returning organization_id || '/' || lane || '/' || seq as place`,
    [
      event.organization,
      event.type,
      event.policy,
      event.classification,
      event.tag === null ? null : [event.tag],
      event.actor,
      event.age,
      JSON.stringify({ who: event.actor, copy: [{ to }], n: 1.5 }),
    ],
  )
  return row?.place ?? ""
}

export const pickOf = (all: readonly Step[], pick: Pick): Step => oneOf(all, pick)
