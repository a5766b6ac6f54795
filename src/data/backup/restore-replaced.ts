// What stands where a backup is to be restored, and what of it the backup has not.
import type { Client } from "pg"
import { whatIsLost } from "../migrate/lost.js"
import { plural } from "../words.js"
import { linesOf, valuesOf } from "./copy-text.js"
import { backupText } from "./open.js"
import { compareActs, compareHeads, type Head } from "./restore-apart.js"
import type { BackupToRestore } from "./restore-files.js"
import { broken } from "./restore-files.js"
import { History, keyOf } from "./restore-history.js"
import type { ReplacedLog, RestoreBackupOptions } from "./restore-options.js"

/** The newest heads that the backup has, by their keys, and what else it knows of its past. */
export interface Heads {
  readonly newest: ReadonlyMap<string, Head>
  readonly history: History
}

/** The list `heads` of the backup. */
export async function backupHeads(backup: BackupToRestore, options: RestoreBackupOptions): Promise<Heads> {
  const { store, name, manifest } = backup
  const { signal } = options
  const file = manifest.lists.find((list) => list.name === "heads")?.file
  if (file === undefined) throw broken(`${name} has no list of heads`)
  const key = `${name}/${file.name}`
  const heads = new Map<string, Head>()
  for await (const line of linesOf(backupText(store, name, file, { signal }), key)) {
    const [organization, lane, seq, hash] = valuesOf(line)
    if (organization == null || lane == null || hash == null || !/^[1-9]\d{0,18}$/.test(seq ?? "")) {
      throw broken(`${key} is no list of heads`)
    }
    heads.set(keyOf(organization, lane), { seq: BigInt(seq ?? ""), hash: hash.slice(2) })
  }
  return { newest: heads, history: new History(backup, options) }
}

export interface Standing {
  readonly log: ReplacedLog
  readonly incarnation: number
}

/** Of the log that is there, of whatever level. */
export async function whatStands(
  client: Client,
  { manifest }: BackupToRestore,
  heads: Heads,
): Promise<Standing> {
  const lost = await whatIsLost(client)
  const incarnation = await client.query<{ number: string }>(
    "select max(incarnation) as number from pgtrail.log",
  )
  const ids = await logIds(client)
  const isSame = ids.some((id) => manifest.log_ids.includes(id)) || manifest.log_ids.includes(lost.log_id)
  const compared = isSame
    ? await compareHeads(client, heads.newest, heads.history)
    : { newer: 0n, missing: 0n, apart: 0, unknown: 0 }
  const acts = isSame
    ? await compareActs(client, manifest, lost.last_act, heads.history)
    : { common: "0", areApart: false }
  return {
    log: {
      log_id: lost.log_id,
      same_log: isSame,
      events: lost.events,
      organizations: lost.organizations,
      acts: lost.acts,
      newer: String(compared.newer),
      missing: String(compared.missing),
      newer_acts: isSame ? await newerActs(client, acts.common) : [],
      newer_redactions: isSame ? await newerRedactions(client, acts.common) : [],
      lanes_apart: String(compared.apart),
      lanes_unknown: String(compared.unknown),
      acts_apart: acts.areApart,
      dependents: lost.dependents,
      kept_as: null,
    },
    incarnation: Number(incarnation.rows[0]?.number ?? "1"),
  }
}

async function newerActs(client: Client, seq: string): Promise<ReplacedLog["newer_acts"]> {
  const { rows } = await client.query<{ kind: string; acts: string }>(
    `select a.kind, count(*) as acts from pgtrail.act a where a.organization_id = 'pgtrail' and a.seq > $1
     group by a.kind order by count(*) desc, a.kind collate "C"`,
    [seq],
  )
  return rows.map(({ kind, acts }) => ({ kind, acts }))
}

async function newerRedactions(client: Client, seq: string): Promise<ReplacedLog["newer_redactions"]> {
  const { rows } = await client.query<{ act: string; hash: string; strategy: string }>(
    `select a.seq as act, encode(a.hash, 'hex') as hash, coalesce(a.parameters->>'strategy', '') as strategy from pgtrail.act a
     where a.organization_id = 'pgtrail' and a.kind = 'redact' and a.seq > $1 order by a.seq`,
    [seq],
  )
  return rows.map(({ act, hash, strategy }) => ({ act, hash, strategy }))
}

async function logIds(client: Client): Promise<string[]> {
  const { rows: has } = await client.query(
    "select from pg_class where oid = to_regclass('pgtrail.incarnation')",
  )
  if (has.length === 0) return []
  const { rows } = await client.query<{ log_id: string }>("select distinct log_id from pgtrail.incarnation")
  return rows.map(({ log_id }) => log_id)
}

/** What would go, in words; or what is gone. */
export function describeStanding(database: string, log: ReplacedLog, isGone = false): string {
  const has = isGone ? "had" : "has"
  if (!log.same_log) {
    return `database ${database} ${has} another log, ${log.log_id}, which ${lostOf("1", isGone)}: ${plural(log.events, "event")} of ${plural(log.organizations, "organization")}, and ${plural(log.acts, "act")}`
  }
  const acts = log.newer_acts.reduce((sum, one) => sum + BigInt(one.acts), 0n)
  const kinds = log.newer_acts.map((one) => `${one.acts} ${one.kind}`).join(", ")
  const parts = [
    log.newer === "0"
      ? "no event is newer than the backup"
      : `${plural(log.newer, "event")} newer than the backup ${lostOf(log.newer, isGone)}`,
    ...(log.missing === "0"
      ? []
      : [
          `${plural(log.missing, "event")} of the backup that it no longer ${has} ${isGone ? backOf(log.missing) : "would be back"}`,
        ]),
    ...(acts === 0n
      ? []
      : [`${plural(String(acts), "act")} newer than the backup ${lostOf(String(acts), isGone)}: ${kinds}`]),
    ...apartOf(log, isGone),
  ]
  const what = isGone ? "had this log, which was replaced" : "has this log, which would be replaced"
  return `database ${database} ${what}: ${parts.join("; ")}`
}

function apartOf({ lanes_apart, lanes_unknown, acts_apart }: ReplacedLog, isGone: boolean): string[] {
  const where = [lanes_apart === "0" ? [] : plural(lanes_apart, "lane"), acts_apart ? "the acts" : []].flat()
  const tells = isGone ? "" : ": pgtrail backup compare tells where"
  if (where.length > 0) return [`in ${where.join(" and in ")} the two went on apart from each other${tells}`]
  if (lanes_unknown === "0") return []
  const ends = lanes_unknown === "1" ? "ends" : "end"
  return [
    `${plural(lanes_unknown, "lane")} ${ends} long before the backup, and may have other events than it${isGone ? "" : ": pgtrail backup compare tells"}`,
  ]
}

const lostOf = (count: string, isGone: boolean): string =>
  !isGone ? "would be lost" : count === "1" ? "is lost" : "are lost"
const backOf = (count: string): string => (count === "1" ? "is back" : "are back")

const mostNamed = 10

/** What of others hangs on it, and goes with it; empty where nothing does. */
export function describeDependents({ dependents }: ReplacedLog): string {
  if (dependents.length === 0) return ""
  const more = dependents.length > mostNamed ? `, and ${dependents.length - mostNamed} more` : ""
  return `, and with it what depends on it: ${dependents.slice(0, mostNamed).join(", ")}${more}`
}
