// The steps of a random life of a log: each does something in the database and in the model, and says what.
import { expect } from "vitest"
import type { TestDatabase } from "../database.js"
import type { Known, Model } from "./lifecycle-model.js"

export type Pick = (below: number) => number
export type Step = (db: TestDatabase, model: Model, pick: Pick) => Promise<string>

const organizations = ["acme", "globex", "initech"]
const types = ["auth", "auth.login", "authz.grant", "data.read", "data"]
const classes = ["standard", "short", "long"]
export const oneOf = <T>(values: readonly T[], pick: Pick): T => values[pick(values.length)] as T
const maybe = <T>(value: T, pick: Pick): T | null => (pick(2) === 0 ? value : null)

/** Days: long ago, some months, days, and ahead; halves keep clear of the hour of the day. */
const age = (pick: Pick): number => oneOf([3000, 800, 400, 100, 45, 20, 2, -20, -300], pick) + pick(40) + 0.5

const append: Step = async (db, model, pick) => {
  const events = Array.from({ length: 1 + pick(12) }, () => ({
    organization: oneOf(organizations, pick),
    type: oneOf(types, pick),
    policy: oneOf(classes, pick),
    classification: maybe("PHI", pick),
    tag: pick(4) === 0 ? "PCI" : null,
    actor: `user-${pick(5)}`,
    age: age(pick),
  }))
  for (const event of events) {
    const [row] = await db.query(
      `insert into pgtrail.event (organization_id, event_type, retention_policy, data_classification, compliance_tags, actor_id, occurred_at)
       values ($1, $2, $3, $4, $5, $6, now() - $7 * interval '24 hours') returning organization_id || '/' || lane || '/' || seq as place`,
      [
        event.organization,
        event.type,
        event.policy,
        event.classification,
        event.tag === null ? null : [event.tag],
        event.actor,
        event.age,
      ],
    )
    const place = row?.place ?? ""
    model.live.set(place, { ...event, place })
    model.appended += 1
  }
  return `append ${events.length}`
}

const hold: Step = async (db, model, pick) => {
  const made = {
    case: `C-${pick(3)}`,
    organization: maybe(oneOf(organizations, pick), pick),
    actor: maybe(`user-${pick(5)}`, pick),
    type: pick(3) === 0 ? oneOf(["auth", "data.read"], pick) : null,
  }
  if (made.organization === null && made.actor === null && made.type === null) return "no hold"
  await db.query("select pgtrail.add_hold($1, 'model', organization => $2, actor => $3, event_type => $4)", [
    made.case,
    made.organization,
    made.actor,
    made.type,
  ])
  model.holds.push(made)
  return `hold ${JSON.stringify(made)}`
}

const release: Step = async (db, model, pick) => {
  const name = `C-${pick(3)}`
  await db.query("select pgtrail.release_hold($1, 'model')", [name])
  model.holds = model.holds.filter((one) => one.case !== name)
  return `release ${name}`
}

const policy: Step = async (db, model, pick) => {
  const keep = oneOf([1, 30, 90, 365, 900, 4000], pick)
  const after = keep > 30 && pick(2) === 0 ? oneOf([1, 25, Math.floor(keep / 2)], pick) : null
  if (pick(4) === 0) {
    const name = oneOf(["short", "long", "standard"], pick)
    await db.query("select pgtrail.set_retention('policy', $1, $2, archive_after_days => $3)", [
      name,
      keep,
      after,
    ])
    const all = { organization: null, type: null, classification: null }
    model.policies.set(name, { ...all, keep, archiveAfter: after })
    return `policy ${name} ${keep} ${after}`
  }
  const name = `p${pick(4)}`
  if (pick(3) === 0) {
    await db.query("select pgtrail.set_retention('policy', $1, null)", [name])
    model.policies.delete(name)
    return `no policy ${name}`
  }
  const rule = {
    organization: maybe(oneOf(organizations, pick), pick),
    type: maybe(oneOf(types, pick), pick),
    classification: maybe("PHI", pick),
    keep,
    archiveAfter: after,
  }
  await db.query(
    `select pgtrail.set_retention('policy', $1, $2, organization => $3, event_type => $4, classification => $5,
       archive_after_days => $6)`,
    [name, keep, rule.organization, rule.type, rule.classification, after],
  )
  model.policies.set(name, rule)
  return `policy ${name} ${JSON.stringify(rule)}`
}

const floor: Step = async (db, model, pick) => {
  if (pick(2) === 0) {
    await db.query("select pgtrail.set_retention('floor', 'pci', null)")
    model.floors.delete("pci")
    return "no floor"
  }
  const keep = oneOf([60, 500], pick)
  await db.query("select pgtrail.set_retention('floor', 'pci', $1, compliance_tag => 'PCI')", [keep])
  model.floors.set("pci", { tag: "PCI", keep })
  return `floor ${keep}`
}

interface Partition {
  readonly name: string
  /** Today is in it. */
  readonly is_current: string
  readonly is_default: string
  readonly attached: string
}
export const partitions = (db: TestDatabase) =>
  db.query(
    "select *, since <= now() and now() < until and not is_default as is_current from pgtrail.partitions() order by since, is_default",
  ) as unknown as Promise<Partition[]>

/** Every partition, those that are detached too; dropped, built anew or row by row, as it comes. */
const retention: Step = async (db, model, pick) => {
  const organization = pick(3) === 0 ? oneOf(organizations, pick) : undefined
  const gone = model.expired(organization)
  let purged = 0
  const methods: string[] = []
  for (const { name } of await partitions(db)) {
    const most = pick(3) === 0 ? 1 + pick(4) : null
    for (;;) {
      const [done] = await db.query(
        "select * from pgtrail.purge_partition($1, 'model', organization => $2, rewrite => $3, most => $4)",
        [name, organization ?? null, pick(2) === 0, most],
      )
      purged += Number(done?.events)
      if (done?.method !== "none") methods.push(`${done?.method} ${name}`)
      expect({ name, unsound: done?.unsound }).toEqual({ name, unsound: "0" })
      if (done?.remaining === "0") break
    }
  }
  model.take(gone)
  expect({ methods, purged }).toEqual({ methods, purged: gone.length })
  return `retention ${organization ?? "all"}: ${methods.join(", ")}`
}

/** What DEFAULT holds gets partitions, as maintain makes them. */
const maintain: Step = async (db) => {
  const due = await db.query(
    `select t.name, t.since, t.until from pgtrail.default_times() t
     where t.name is not null and not exists (select from pgtrail.detached_partition d where d.name = t.name)`,
  )
  if (due.length === 0) return "nothing due"
  const list = (column: string) => due.map((row) => row[column])
  const [done] = await db.query(
    "select moved from pgtrail.split_default($1::text[], $2::timestamptz[], $3::timestamptz[])",
    [list("name"), list("since"), list("until")],
  )
  return `maintain ${list("name").join(", ")}: ${done?.moved}`
}

async function eventsOf(db: TestDatabase, name: string, model: Model): Promise<Known[]> {
  const rows = await db.query(
    `select organization_id || '/' || lane || '/' || seq as place from pgtrail.${name}`,
  )
  return rows.map((row) => {
    const known = model.live.get(row.place ?? "")
    if (known === undefined) throw new Error(`${row.place} of ${name} is not known`)
    return known
  })
}

const some = async (db: TestDatabase, pick: Pick, attached: boolean): Promise<string | undefined> => {
  const all = (await partitions(db)).filter(
    (one) => one.is_default === "f" && (one.attached === "t") === attached,
  )
  return all.length === 0 ? undefined : oneOf(all, pick).name
}

export const outcome = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "done",
    (error: { code?: string }) => error.code ?? String(error),
  )

const detach: Step = async (db, model, pick) => {
  const name = await some(db, pick, true)
  if (name === undefined) return "nothing to detach"
  const held = (await eventsOf(db, name, model)).some((event) => model.isHeld(event))
  const how = await outcome(db.query("select pgtrail.detach_partition($1, 'model')", [name]))
  expect({ name, how }).toEqual({ name, how: held ? "TR016" : "done" })
  return `detach ${name}: ${how}`
}

const attach: Step = async (db, _, pick) => {
  const name = await some(db, pick, false)
  if (name === undefined) return "nothing to attach"
  await db.query("select pgtrail.attach_partition($1)", [name])
  return `attach ${name}`
}

const drop: Step = async (db, model, pick) => {
  const name = await some(db, pick, pick(2) === 0)
  if (name === undefined) return "nothing to drop"
  const all = await eventsOf(db, name, model)
  const how = await outcome(
    db.query("select * from pgtrail.purge_partition($1, 'model', everything => true)", [name]),
  )
  expect({ name, how }).toEqual({ name, how: all.some((event) => model.isHeld(event)) ? "TR016" : "done" })
  if (how === "done") model.take(all)
  return `drop ${name}: ${how}`
}

export const steps: readonly Step[] = [
  append,
  append,
  append,
  hold,
  release,
  policy,
  policy,
  floor,
  retention,
  retention,
  maintain,
  maintain,
  detach,
  attach,
  drop,
]
