// Redacts again what a register lists and a restored database does not know: by places alone, since nobody knows the values any more.
import type { Client } from "pg"
import { readSigningKey } from "../checkpoint/note.js"
import { type ConnectionTarget, withClient, withTransaction } from "../connection.js"
import { TrailError } from "../errors.js"
import type { StoreContext } from "../store/store.js"
import { countFound, type Found, readFound } from "./found.js"
import { refuseAddress } from "./named.js"
import { archivesWithListed, type ListedArchive, lookedAt, type ReapplyArchive } from "./reapply-archives.js"
import { type Redaction, redactPlanned, refuseUnable } from "./redact.js"
import type { Places } from "./register.js"
import { missingOf, unregisteredOf } from "./register-missing.js"
import { type Erasure, readRegister, registeredPlaces } from "./register-read.js"
import { partitionsIn } from "./stage.js"

export interface ReapplyOptions {
  readonly reason?: string | undefined
  readonly requestedBy?: string | undefined
  readonly dryRun?: boolean | undefined
  /** A private signing key, as text; signs the act. */
  readonly key?: string | undefined
  readonly patienceMs?: number | undefined
  /** By it it is looked what lies where archives were put. */
  readonly store?: StoreContext | undefined
  readonly signal?: AbortSignal | undefined
  readonly progress?: ((doing: string) => void) | undefined
}

export interface Reapplied {
  readonly dry_run: boolean
  /** seq of the act; null in a dry run, and where nothing was to be done. */
  readonly act: string | null
  /** Erasures of this log that the register lists, and those of other logs. */
  readonly erasures: readonly Erasure[]
  readonly foreign: number
  /** How many places of events they list. */
  readonly places: string
  /** Of these: redacted in this log already, redacted now (or to be), and not in the log any more, or in an archive. */
  readonly already: string
  readonly events: string
  readonly gone: string
  /** What stays as it is: under a hold, or not as it was appended. */
  readonly held: string
  readonly unsound: string
  readonly found: Found
  /** Archives whose files still have what the register lists, and those in whose place an erasure wrote others, which have it no more. */
  readonly archives: readonly ReapplyArchive[]
  /** What the register does not have all of, in words: nobody knows what of it came back. */
  readonly missing: readonly string[]
  /** What is not as it should be in the register, in words. */
  readonly warnings: readonly string[]
  readonly complete: boolean
}

const nothing = "nothing was redacted"

/** Throws `file` and `broken` of the register, `other-log` where none of its erasures is of this log, `privilege`, `config`, `retry`. */
export function reapply(
  target: ConnectionTarget,
  register: string,
  options: ReapplyOptions = {},
): Promise<Reapplied> {
  const key = options.key === undefined ? undefined : readSigningKey(options.key)
  refuseAddress({ "--reason": options.reason })
  return withClient(target, async (client) => {
    await refuseUnable(client, "pgtrail.redact_begin(interval)", {
      key,
      nothing,
      patienceMs: options.patienceMs,
    })
    const read = await readRegister(register)
    const { erasures: all, warnings } = read
    const own = await ownLogs(client)
    const unregistered = await unregisteredOf(client, read)
    const erasures = all.filter((erasure) => own.has(erasure.log_id))
    if (erasures.length === 0 && all.length > 0) throw otherLog(register, all)
    const times = new Map(erasures.map(({ id, time }) => [id, time]))
    const ids = new Set(times.keys())
    let listed: Listed = { places: 0n, missing: 0n, events: 0n }
    const planning = {
      stage: async (): Promise<void> => {
        await client.query("select pgtrail.subject_stage()")
        listed = await list(client, registeredPlaces(register, ids), times, options)
      },
      find: async (partition: string): Promise<void> => {
        if (listed.missing > 0n) await client.query("select pgtrail.find_listed($1)", [partition])
      },
    }
    const clearedHolds = await namedAgain(client, erasures)
    let listedIn: readonly ListedArchive[] = []
    const redaction: Redaction = {
      ...options,
      replaced: async () => {
        listedIn = await archivesWithListed(client)
        return clearedHolds.length > 0
      },
      clearedHolds,
      strategy: "reapply",
      reason: options.reason ?? "reapply",
      key,
    }
    const { act, events, found } =
      options.dryRun === true
        ? await planned(client, planning, options, async () => {
            listedIn = await archivesWithListed(client)
          })
        : await redactPlanned(client, redaction, planning)
    const missing = await missingOf(client, read, own, register)
    const archives = await lookedAt(target, listedIn, options.store)
    const held = countFound(found, "held")
    const unsound = countFound(found, "unsound")
    return {
      dry_run: options.dryRun === true,
      act,
      erasures,
      foreign: all.length - erasures.length,
      places: String(listed.places),
      already: String(listed.places - listed.missing),
      events,
      gone: String(listed.events - BigInt(countFound(found, "events"))),
      held,
      unsound,
      found,
      archives,
      missing,
      warnings: [...warnings, ...unseen(erasures), ...unregistered],
      complete:
        held === "0" &&
        unsound === "0" &&
        archives.every(({ files, left }) => files === "replaced" && left.length === 0) &&
        missing.length === 0,
    }
  })
}

/** Acts of holds that an erasure had cleared of names, which are back. After a restore the number may be that of another act. */
async function namedAgain(client: Client, erasures: readonly Erasure[]): Promise<string[]> {
  const holds = erasures.flatMap((erasure) => erasure.holds)
  const { rows } = await client.query<{ act: string }>(
    `select h.act_seq as act from unnest($1::bigint[], $2::text[]) g (act_seq, hash)
     join pgtrail.act a on a.organization_id = 'pgtrail' and a.seq = g.act_seq and a.hash = decode(g.hash, 'hex')
     join pgtrail.hold h on h.act_seq = a.seq and h.cleared_seq is null and (h.released_seq is not null or h.expires_at <= now())`,
    [holds.map(({ act }) => act), holds.map(({ hash }) => hash)],
  )
  return rows.map(({ act }) => act)
}

interface Listed {
  readonly places: bigint
  /** Those of which this log has not all the entries. */
  readonly missing: bigint
  /** The events of those. */
  readonly events: bigint
}

/** Only what this log does not know goes into the list; places are nobody's data, and may be parameters. */
async function list(
  client: Client,
  places: AsyncIterable<Places>,
  /** When each was erased: after a restore, events that were recorded later stand at the places of those. */
  times: ReadonlyMap<string, string>,
  { signal, progress }: ReapplyOptions,
): Promise<Listed> {
  let all = 0n
  let missing = 0n
  for await (const { id, organization, lane, seq, identity, content, token } of places) {
    signal?.throwIfAborted()
    const ranges = seq.split(",").map((range) => range.split("-"))
    const first = ranges.map(([from = ""]) => from)
    const last = ranges.map(([from = "", to = from]) => to)
    const { rows } = await client.query<{ places: string; missing: string }>(
      `with place as (
         select s.seq from unnest($3::bigint[], $4::bigint[]) r (first, last), generate_series(r.first, r.last) s (seq)
       ), missing as materialized (
         select p.seq, g.name, g.fields
         from place p, (values ('identity', $5::text[]), ('content', $6::text[])) g (name, fields)
         where g.fields <> '{}' and exists (select from unnest(g.fields) f where not exists (
           select from pgtrail.redaction_entry r where r.organization_id = $1 and r.lane = $2::smallint and r.seq = p.seq
             and r.group_name = g.name and f = any (r.fields)))
       ), listed as (
         insert into pg_temp.pgtrail_listed (organization_id, lane, seq, group_name, fields, replacement, recorded_until)
         select $1, $2::smallint, m.seq, m.name, m.fields, $7, $8::timestamptz from missing m
       )
       select (select count(*) from place) as places, (select count(distinct m.seq) from missing m) as missing`,
      [organization, lane, first, last, identity, content, token, times.get(id) ?? null],
    )
    all += BigInt(rows[0]?.places ?? "0")
    missing += BigInt(rows[0]?.missing ?? "0")
    progress?.(`${all} places read`)
  }
  // Two erasures may list the same event.
  const { rows } = await client.query<{ events: string }>(
    "select count(*) as events from (select distinct l.organization_id, l.lane, l.seq from pg_temp.pgtrail_listed l) l",
  )
  return { places: all, missing, events: BigInt(rows[0]?.events ?? "0") }
}

interface Planning {
  stage(): Promise<void>
  find(partition: string): Promise<void>
}

/** What would be redacted; all of it is rolled back. */
function planned(
  client: Client,
  planning: Planning,
  options: ReapplyOptions,
  look: () => Promise<void>,
): Promise<{ readonly act: null; readonly events: string; readonly found: Found }> {
  return withTransaction(client, "begin isolation level read committed", async () => {
    await planning.stage()
    for (const partition of await partitionsIn(client, {})) {
      options.signal?.throwIfAborted()
      await planning.find(partition)
    }
    const found = await readFound(client)
    await look()
    return { act: null, events: countFound(found, "replaced"), found }
  })
}

/** A restore, a failover and a copy open a further incarnation; a copy has an id of its own, and keeps the ids before. */
async function ownLogs(client: Client): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ log_id: string }>(
    "select i.log_id from pgtrail.incarnation i union select l.log_id from pgtrail.log l",
  )
  return new Set(rows.map(({ log_id }) => log_id))
}

function otherLog(path: string, [erasure]: readonly Erasure[]): TrailError {
  return new TrailError("other-log", `the register ${path} is of another log, ${erasure?.log_id}`, {
    hint: `${nothing}; name the register of this log: pgtrail status tells its id`,
  })
}

function unseen(erasures: readonly Erasure[]): string[] {
  const open = erasures.filter(({ done }) => !done)
  if (open.length === 0) return []
  const they = open.length === 1 ? "one erasure was" : `${open.length} erasures were`
  return [`${they} about to commit and never seen to end: what they list is redacted too`]
}
