// After a restore of a backup from between a pseudonymization and the erasure of the same person: entries tell that his values were replaced, and
// they were, by the pseudonym, which the erasure took away, with whom it stands for. It is looked for by name and erased once more.
import type { Client } from "pg"
import { isUnsettled } from "../archive/settle.js"
import { withTransaction } from "../connection.js"
import { countFound, type Found, isReplaced, readFound } from "./found.js"
import type { Again } from "./reapply-pseudonym.js"
import { type Redacted, redactPlanned } from "./redact.js"
import { RegisterFile } from "./register.js"
import { type Erasure, type ReadRegister, registeredPlaces } from "./register-read.js"
import { Telling } from "./register-tell.js"
import { addIdentifiers, findInPartition, partitionsIn } from "./stage.js"

/** An erasure whose pseudonyms were back. */
export interface ReapplyForgotten {
  /** Of the erasure, as the register has it. */
  readonly act: string
  /** In which they stood. */
  readonly events: string
  readonly held: string
  readonly unsound: string
  /** By which they were erased; null in a dry run, and where they stay. */
  readonly again: string | null
  /** Why they stay; null where they do not. */
  readonly why: string | null
}

/** Those alone of which something was back. `erasures`: of this log. */
export async function forgottenAgain(
  client: Client,
  erasures: readonly Erasure[],
  read: ReadRegister,
  again: Again,
): Promise<ReapplyForgotten[]> {
  const open = await unknownOf(
    client,
    erasures.filter(({ pseudonyms }) => pseudonyms.length > 0),
  )
  if (open.length === 0) return []
  const given = await givenLast(again.register, read)
  const done: ReapplyForgotten[] = []
  for (const entry of open) {
    // Who was given it once more after the erasure has it by right.
    const pseudonyms = entry.pseudonyms.filter((one) => (given.get(one) ?? "") <= entry.time)
    if (pseudonyms.length === 0) continue
    const one = await erasedAgain(client, { ...entry, pseudonyms }, read, again)
    if (one !== undefined) done.push(one)
  }
  return done
}

/** Whose act this log has, it carried out itself. */
async function unknownOf(client: Client, erasures: readonly Erasure[]): Promise<Erasure[]> {
  const { rows } = await client.query<{ act: string; hash: string }>(
    `select a.seq as act, encode(a.hash, 'hex') as hash from pgtrail.act a
     where a.organization_id = 'pgtrail' and a.seq = any ($1::bigint[])`,
    [erasures.map(({ act }) => act)],
  )
  const known = new Set(rows.map(({ act, hash }) => `${act} ${hash}`))
  return erasures.filter(({ act, act_hash: hash }) => !known.has(`${act} ${hash}`))
}

/** When each pseudonym was last given, as the register has it. */
async function givenLast(
  register: string,
  { pseudonymizations }: ReadRegister,
): Promise<ReadonlyMap<string, string>> {
  const times = new Map(pseudonymizations.map(({ id, time }) => [id, time]))
  const last = new Map<string, string>()
  for await (const { id, token } of registeredPlaces(register, new Set(times.keys()))) {
    const time = times.get(id) ?? ""
    if (token !== null && time > (last.get(token) ?? "")) last.set(token, time)
  }
  return last
}

/** They stand elsewhere than where they were given and erased: the transaction is given up. */
class Beyond extends Error {}

async function erasedAgain(
  client: Client,
  entry: Erasure,
  read: ReadRegister,
  { register, isTorn, dryRun, reason, requestedBy, signing, ...work }: Again,
): Promise<ReapplyForgotten | undefined> {
  let inText = false
  const stage = async (): Promise<void> => {
    await client.query("select pgtrail.subject_stage()")
    inText = await listPlaces(client, register, entry, read)
    // An event that had his address alone has the pseudonym there alone.
    const kinds = ["id", "email", "name"] as const
    await addIdentifiers(
      client,
      entry.pseudonyms.flatMap((value) => kinds.map((kind) => ({ kind, value }))),
    )
  }
  const find = (partition: string) => findInPartition(client, partition, { inText })
  const told = (found: Found, again: string | null, why: string | null): ReapplyForgotten | undefined => {
    const [events, held, unsound] = (["replaced", "held", "unsound"] as const).map((of) =>
      countFound(found, of),
    )
    const of = { act: entry.act, events: events ?? "0", held: held ?? "0", unsound: unsound ?? "0" }
    const isNone = again === null && why === null && [of.events, of.held, of.unsound].every((n) => n === "0")
    return isNone ? undefined : { ...of, again, why }
  }
  if (dryRun) {
    return withTransaction(client, "begin isolation level read committed", async () => {
      await stage()
      for (const partition of await partitionsIn(client, {})) await find(partition)
      const found = await readFound(client)
      return told(found, null, (await isBeyond(client)) ? beyondWords(entry) : null)
    })
  }
  const subject = read.subjects.get(entry.id)
  let file: RegisterFile | undefined
  let telling: Telling | undefined
  let seen: Found | undefined
  try {
    const redacted: Redacted = await redactPlanned(
      client,
      {
        ...work,
        ...{ strategy: "erase", reason, requestedBy, key: signing },
        replaced: async (found) => {
          seen = found
          if (await isBeyond(client)) throw new Beyond("they stand in other events too")
          const { rows } = await client.query<{ forgotten: string }>(
            "select pgtrail.forget_pseudonym($1) as forgotten",
            [entry.pseudonyms],
          )
          return rows[0]?.forgotten !== "0"
        },
        recorded: async (act) => {
          if (isTorn) return
          file ??= await RegisterFile.open(register)
          telling ??= new Telling(file, {
            ...{ strategy: "erase", request: entry.request },
            ...{ key: subject?.key ?? null, subject: subject?.subject ?? null },
          })
          await telling.tell(client, act)
        },
      },
      { stage, find },
    )
    await telling?.end(redacted.act)
    return told(redacted.found, redacted.act, null)
  } catch (error) {
    await telling?.end(isUnsettled(error) ? undefined : null).catch(() => undefined)
    if (error instanceof Beyond && seen !== undefined) return told(seen, null, beyondWords(entry))
    throw error
  } finally {
    await file?.close()
  }
}

const beyondWords = ({ pseudonyms }: Erasure): string =>
  `it stands in events too that nobody gave it: if they are the same person's, ${pseudonyms.map((one) => `pgtrail gdpr erase ${one} --also email=${one}`).join(", ")}, then this once more`

/** For a comparison: its own, and those that were given its pseudonyms; says whether some events are not his own. */
async function listPlaces(
  client: Client,
  register: string,
  { id, time, pseudonyms }: Erasure,
  { pseudonymizations }: ReadRegister,
): Promise<boolean> {
  let isMentioned = false
  const ids = new Set([id, ...pseudonymizations.map((one) => one.id)])
  for await (const { id: of, organization, lane, seq, identity, token } of registeredPlaces(register, ids)) {
    if (of !== id && (token === null || !pseudonyms.includes(token))) continue
    isMentioned ||= identity.length === 0
    const ranges = seq.split(",").map((range) => range.split("-"))
    await client.query(
      `insert into pg_temp.pgtrail_listed (organization_id, lane, seq, recorded_until)
       select $1, $2::smallint, s.seq, $5::timestamptz
       from unnest($3::bigint[], $4::bigint[]) r (first, last), generate_series(r.first, r.last) s (seq)`,
      [
        ...[organization, lane, ranges.map(([from = ""]) => from)],
        ...[ranges.map(([from = "", to = from]) => to), time],
      ],
    )
  }
  return isMentioned
}

async function isBeyond(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ some: string }>(
    `select exists (
       select from pg_temp.pgtrail_plan p where ${isReplaced} and not exists (
         select from pg_temp.pgtrail_listed l where l.organization_id = p.organization_id and l.lane = p.lane and l.seq = p.seq)) as some`,
  )
  return rows[0]?.some === "t"
}
