// The steps of a random life that archive, restore and remove; and what must be true of every archive after any step.
import { expect } from "vitest"
import { checkArchive } from "../../src/data/archive/check.js"
import type { ArchiveRun, Trail } from "../../src/data/index.js"
import { openStore } from "../../src/data/store/store.js"
import type { TestDatabase } from "../database.js"
import type { Known, Model } from "./lifecycle-model.js"
import { oneOf, type Pick, partitions, type Step } from "./lifecycle-steps.js"

const organizations = ["acme", "globex", "initech"]

const told = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "done",
    // What nobody expects says more than its code.
    ({ code, message }: { code?: string; message?: string }) =>
      code === "held" || code === "usage" ? code : `${code} ${message}`,
  )

/** `folder` is file:///PATH. */
export function archiveSteps(trail: Trail, folder: string): Step[] {
  const place = (pick: Pick): string => oneOf([folder, folder, "table:"], pick)

  /** What it took must be what the model says, in archives whose purge records name just that. */
  const take = async (db: TestDatabase, model: Model, run: ArchiveRun, wanted: readonly Known[]) => {
    expect(run).toMatchObject({ failed: [], unsound: "0" })
    const taken: string[] = []
    for (const { archive, act, events, method } of run.partitions) {
      if (archive === null) continue
      const rows = await db.query(
        `select p.organization_id || '/' || p.lane || '/' || s as place
         from pgtrail.purge p, unnest(p.ranges) r, generate_series(lower(r), upper(r) - 1) s where p.act_seq = $1`,
        [act],
      )
      expect({ archive, rows: rows.length }).toEqual({ archive, rows: Number(events) })
      const places = rows.map((row) => row.place ?? "")
      model.archive(archive, places)
      taken.push(...places)
      expect(method).not.toBe("none")
    }
    expect(taken.sort()).toEqual(wanted.map((event) => event.place).sort())
  }

  const due: Step = async (db, model, pick) => {
    const organization = pick(3) === 0 ? oneOf(organizations, pick) : undefined
    const known = await db.query("select from pgtrail.chain_head where organization_id = $1 limit 1", [
      organization,
    ])
    if (organization !== undefined && known.length === 0) return "nobody to archive"
    const wanted = model.due(organization)
    const run = await trail.createArchives({ due: true, organization, to: place(pick) })
    await take(db, model, run, wanted)
    return `archive due ${organization ?? "all"}: ${run.events} in ${run.archives}`
  }

  const explicit: Step = async (db, model, pick) => {
    const all = (await partitions(db)).filter((one) => one.is_current === "f")
    if (pick(2) === 0) {
      const partition = oneOf(all, pick).name
      const rows = await db.query(
        `select organization_id || '/' || lane || '/' || seq as place from pgtrail.${partition}`,
      )
      const wanted = rows.map((row) => model.live.get(row.place ?? "") as Known)
      const run = await trail.createArchives({ partition, to: place(pick) })
      await take(
        db,
        model,
        run,
        wanted.filter((event) => !model.isHeld(event)),
      )
      return `archive ${partition}: ${run.events}`
    }
    // Whole days: the ages of events are at their half.
    const [from, to] = [40 + 300 + pick(3000), 40 + pick(300)]
    const organization = oneOf([undefined, "acme"], pick)
    const at = async (days: number): Promise<string> => {
      const [row] = await db.query(
        `select to_char((now() - $1 * interval '24 hours') at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`,
        [days],
      )
      return row?.at ?? ""
    }
    const wanted = [...model.live.values()].filter(
      (event) =>
        event.age < from &&
        event.age > to &&
        (organization === undefined || organization === event.organization) &&
        !model.isHeld(event),
    )
    const given = { since: await at(from), until: await at(to), to: place(pick), level: 1 + pick(9) }
    const [known] = await db.query("select from pgtrail.chain_head where organization_id = 'acme' limit 1")
    if (known === undefined) return "nobody to archive"
    const run = await trail.createArchives({ ...given, organization })
    await take(db, model, run, wanted)
    return `archive from ${from} to ${to} days ago of ${organization ?? "all"}: ${run.events}`
  }

  const restore: Step = async (_, model, pick) => {
    const names = [...model.archives].filter(([, { state }]) => state !== "removed").map(([name]) => name)
    if (names.length === 0) return "nothing to restore"
    const name = oneOf(names, pick)
    const isOut = model.archives.get(name)?.state === "archived"
    const how = await told(trail.restoreArchive(name, { reason: "model" }))
    expect({ name, how }).toEqual({ name, how: isOut ? "done" : "usage" })
    if (isOut) model.restore(name)
    return `restore ${name}: ${how}`
  }

  const remove: Step = async (_, model, pick) => {
    const names = [...model.archives].filter(([, { state }]) => state !== "removed").map(([name]) => name)
    if (names.length === 0 || pick(2) === 0) {
      const expired = names.filter((name) => model.isPast(name))
      const gone = expired.filter((name) => !model.isBlocked(name))
      const { removed, held, failed } = await trail.removeExpiredArchives()
      expect(failed).toEqual([])
      expect(removed.map(({ name }) => name).sort()).toEqual(gone.sort())
      expect(held.map(({ name }) => name).sort()).toEqual(
        expired.filter((name) => model.isBlocked(name)).sort(),
      )
      for (const name of gone) model.remove(name)
      return `remove what is expired: ${gone.length}`
    }
    const name = oneOf(names, pick)
    const how = await told(trail.removeArchive(name, { reason: "model", confirm: name }))
    expect({ name, how }).toEqual({ name, how: model.isBlocked(name) ? "held" : "done" })
    if (how === "done") model.remove(name)
    return `remove ${name}: ${how}`
  }

  return [due, due, due, explicit, explicit, restore, restore, remove]
}

/** Everything that an act tells of and that was not removed lies where it was put, checks out by itself, and is what the act purged. */
export async function checkArchives(db: TestDatabase, model: Model, folder: string): Promise<void> {
  const target = { connectionString: db.url }
  const stores = {
    [folder]: await openStore(folder, { target }),
    "table:": await openStore("table:", { target }),
  }
  try {
    const rows = await db.query(
      `select a.name, a.location, encode(p.digest, 'hex') as digest, encode(a.manifest, 'hex') as manifest
       from pgtrail.archive a join pgtrail.act p on p.seq = a.act_seq where a.removed_seq is null order by a.name`,
    )
    const there: string[] = []
    for (const store of Object.values(stores)) {
      for await (const { key } of store.list("")) there.push(key.split("/")[0] ?? "")
    }
    const inForce = [...model.archives].filter(([, { state }]) => state !== "removed").map(([name]) => name)
    expect(rows.map(({ name }) => name)).toEqual(inForce.sort())
    expect([...new Set(there)].sort()).toEqual(inForce)
    for (const { name, location, digest, manifest } of rows) {
      const store = stores[location ?? ""]
      if (store === undefined || name == null) throw new Error(`${name} is nowhere`)
      const check = await checkArchive(store, name)
      expect(check).toMatchObject({
        verdict: "intact",
        findings: [],
        records: digest,
        manifestSha256: manifest,
        events: model.archives.get(name)?.events.length,
      })
    }
  } finally {
    for (const store of Object.values(stores)) await store.close()
  }
}
