// What stands where a backup is to be restored, and what of it the backup has not.
import type { Client } from "pg"
import { whatIsLost } from "../migrate/lost.js"
import { plural } from "../words.js"
import { linesOf, valuesOf } from "./copy-text.js"
import { backupText } from "./open.js"
import type { BackupToRestore } from "./restore-files.js"
import { broken } from "./restore-files.js"
import type { ReplacedLog, RestoreBackupOptions } from "./restore-options.js"

interface Head {
  readonly seq: bigint
  /** `\x` hex. */
  readonly hash: string
}

/** By organization and lane, as one key. */
export type Heads = ReadonlyMap<string, Head>

const keyOf = (organization: string, lane: string): string => `${lane}\n${organization}`

/** The list `heads` of the backup. */
export async function backupHeads(
  { store, name, manifest }: BackupToRestore,
  { signal }: RestoreBackupOptions,
): Promise<Heads> {
  const file = manifest.lists.find((list) => list.name === "heads")?.file
  if (file === undefined) throw broken(`${name} has no list of heads`)
  const key = `${name}/${file.name}`
  const heads = new Map<string, Head>()
  for await (const line of linesOf(backupText(store, name, file, { signal }), key)) {
    const [organization, lane, seq, hash] = valuesOf(line)
    if (organization == null || lane == null || hash == null || !/^[1-9]\d{0,18}$/.test(seq ?? "")) {
      throw broken(`${key} is no list of heads`)
    }
    heads.set(keyOf(organization, lane), { seq: BigInt(seq ?? ""), hash })
  }
  return heads
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
  const compared = isSame ? await compareHeads(client, heads) : { newer: 0n, missing: 0n, apart: 0 }
  return {
    log: {
      log_id: lost.log_id,
      same_log: isSame,
      events: lost.events,
      organizations: lost.organizations,
      acts: lost.acts,
      newer: String(compared.newer),
      missing: String(compared.missing),
      newer_acts: isSame ? await newerActs(client, manifest.act?.seq ?? "0") : [],
      lanes_apart: String(compared.apart),
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

async function logIds(client: Client): Promise<string[]> {
  const { rows: has } = await client.query(
    "select from pg_class where oid = to_regclass('pgtrail.incarnation')",
  )
  if (has.length === 0) return []
  const { rows } = await client.query<{ log_id: string }>("select distinct log_id from pgtrail.incarnation")
  return rows.map(({ log_id }) => log_id)
}

const batch = 5_000

async function compareHeads(
  client: Client,
  heads: Heads,
): Promise<{ readonly newer: bigint; readonly missing: bigint; readonly apart: number }> {
  const { rows } = await client.query<{ organization_id: string; lane: string; seq: string; hash: string }>(
    `select distinct on (h.organization_id collate "C", h.lane) h.organization_id, h.lane, h.seq, h.hash
     from pgtrail.chain_head h where h.seq > 0
     order by h.organization_id collate "C", h.lane, h.seq desc`,
  )
  let [newer, missing, apart] = [0n, 0n, 0]
  const common: { organization_id: string; lane: string; seq: string; hash: string }[] = []
  const left = new Map(heads)
  for (const row of rows) {
    const key = keyOf(row.organization_id, row.lane)
    const head = left.get(key)
    left.delete(key)
    const seq = BigInt(row.seq)
    const known = head?.seq ?? 0n
    if (seq > known) newer += seq - known
    else missing += known - seq
    if (head === undefined || seq < known) continue
    if (seq === known && row.hash !== head.hash) apart += 1
    if (seq > known) common.push({ ...row, seq: String(known), hash: head.hash })
  }
  for (const { seq } of left.values()) missing += seq
  for (let at = 0; at < common.length; at += batch) {
    const some = common.slice(at, at + batch)
    // A lateral with a limit stays a lookup by key for each; what was purged says nothing.
    const { rows: found } = await client.query<{ apart: string }>(
      `select count(*) as apart
       from unnest($1::text[], $2::smallint[], $3::bigint[], $4::text[]::bytea[]) g (organization_id, lane, seq, hash)
       join lateral (select e.hash from pgtrail.event e
         where e.organization_id = g.organization_id and e.lane = g.lane and e.seq = g.seq limit 1) e on e.hash <> g.hash`,
      [
        some.map((one) => one.organization_id),
        some.map((one) => one.lane),
        some.map((one) => one.seq),
        some.map((one) => one.hash),
      ],
    )
    apart += Number(found[0]?.apart ?? "0")
  }
  return { newer, missing, apart }
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
    ...(log.lanes_apart === "0"
      ? []
      : [`in ${plural(log.lanes_apart, "lane")} the two went on apart from each other`]),
  ]
  const what = isGone ? "had this log, which was replaced" : "has this log, which would be replaced"
  return `database ${database} ${what}: ${parts.join("; ")}`
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
