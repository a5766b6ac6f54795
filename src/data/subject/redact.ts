// Redacts what a subject's events hold: one transaction over all partitions, with one act, so that nothing is ever half visible.
import type { Client } from "pg"
import { performAct, wantsSignatures } from "../act/perform.js"
import type { SigningKey } from "../checkpoint/note.js"
import { TrailError } from "../errors.js"
import { schemaState } from "../migrate/state.js"
import { patienceOf, retried } from "../partition/change.js"
import { refuseForeignFunctions } from "../verify/foreign.js"
import { type Found, isReplaced, nothingFound, readFound } from "./found.js"
import type { Identifier } from "./identifiers.js"
import { refuseShared } from "./shared-address.js"
import { addIdentifiers, findInPartition, partitionsIn, type SubjectScope, stageSubject } from "./stage.js"

export type Strategy = "erase" | "hash" | "token" | "encrypt" | "reapply"

export interface RedactionWork {
  /** Milliseconds to wait for another redaction, and for a change of partitions. Default 30,000. */
  readonly patienceMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly progress?: ((doing: string) => void) | undefined
}

export interface Redaction extends SubjectScope, RedactionWork {
  readonly strategy: Strategy
  readonly reason: string
  readonly requestedBy?: string | undefined
  /** The request in the register of requests. */
  readonly request?: string | undefined
  /** Signs the act. */
  readonly key?: SigningKey | undefined
  /**
   * Of hash, token and encrypt: what stands for the subject in each of these organizations. Called in the transaction, on its client,
   * when all is found and nothing is changed yet; again where the transaction is done again.
   */
  readonly pseudonyms?:
    | ((organizations: readonly string[], client: Client) => Promise<ReadonlyMap<string, string>>)
    | undefined
  /**
   * Called when nobody else can redact any more and nothing is looked for yet, on the client of the transaction, and again in each attempt: what
   * the subject is known as since another one was waited for. That is looked for too.
   */
  readonly alsoNamed?: ((client: Client) => Promise<readonly Identifier[]>) | undefined
  /** Of a reapplication: acts of the holds whose names were taken away. */
  readonly clearedHolds?: readonly string[] | undefined
  /**
   * Called in the transaction when all is replaced, or where there is nothing to replace, and nothing is recorded yet. Returns whether it
   * did something that must be recorded even if no event had anything.
   */
  readonly replaced?: ((found: Found) => Promise<boolean>) | undefined
  /** Called last in the transaction, with the act that it will commit; what it throws takes all of it back. */
  readonly recorded?:
    | ((act: string, found: Found, partitions: readonly string[], events: string) => Promise<void>)
    | undefined
}

export interface Redacted {
  /** seq of the act; null where nothing was to be replaced. */
  readonly act: string | null
  /** How many events had values replaced. */
  readonly events: string
  /** All that was found, also what stays. */
  readonly found: Found
  /** In which something was replaced. */
  readonly partitions: readonly string[]
}

/** Throws `usage`, `privilege`, `busy` or `lock-timeout` where another one is at work for too long, `config`, `read-only`, `retry`. */
export function redactSubject(
  client: Client,
  identifiers: readonly Identifier[],
  redaction: Redaction,
): Promise<Redacted> {
  return redactPlanned(client, redaction, {
    stage: () => stageSubject(client, identifiers),
    find: (partition) => findInPartition(client, partition, redaction),
    given: identifiers,
  })
}

export interface Planning {
  /** Makes the tables of this transaction and fills them. */
  stage(): Promise<void>
  /** Adds to the plan what is to be redacted in a partition. */
  find(partition: string): Promise<void>
  /** Whom was asked for, where somebody was. */
  readonly given?: readonly Identifier[] | undefined
}

/** The same for whatever finds the events. */
export async function redactPlanned(
  client: Client,
  redaction: Redaction,
  planning: Planning,
): Promise<Redacted> {
  const { strategy, signal, progress } = redaction
  let answer: Redacted = { act: null, events: "0", found: nothingFound, partitions: [] }
  await retried(redaction, () =>
    performAct(client, redaction.key, async () => {
      await planning.stage()
      await client.query("select pgtrail.redact_begin($1::interval)", [patienceOf(redaction)])
      await addIdentifiers(client, (await redaction.alsoNamed?.(client)) ?? [])
      const partitions = await partitionsIn(client, redaction)
      for (const partition of partitions) {
        signal?.throwIfAborted()
        progress?.(`looking through ${partition}`)
        await planning.find(partition)
      }
      const found = await readFound(client, planning.given)
      refuseShared(found.actors, strategy === "erase" ? "nothing was erased" : "nothing was changed")
      const touched = await touchedBy(client)
      const pseudonyms =
        touched.partitions.length === 0
          ? undefined
          : await redaction.pseudonyms?.(touched.organizations, client)
      const replacements = pseudonyms === undefined ? null : JSON.stringify(Object.fromEntries(pseudonyms))
      for (const partition of touched.partitions) {
        signal?.throwIfAborted()
        progress?.(`redacting in ${partition}`)
        await client.query("select pgtrail.redact_partition($1, $2, $3::jsonb)", [
          partition,
          strategy,
          replacements,
        ])
      }
      const isMore = (await redaction.replaced?.(found)) ?? false
      const isNamed = planning.given !== undefined && (await isNamedByHolds(client))
      if (touched.partitions.length === 0 && !isMore && !isNamed) {
        answer = { act: null, events: "0", found, partitions: [] }
        throw new NothingToRedact()
      }
      const { rows } = await client.query<{ seq: string; events: string }>(
        "select seq, events from pgtrail.record_redaction($1, $2, $3, $4, $5, $6, $7, null, $8::interval, $9::bigint[])",
        [
          strategy,
          redaction.reason,
          redaction.requestedBy ?? null,
          redaction.request ?? null,
          redaction.inText ?? false,
          redaction.since ?? null,
          redaction.until ?? null,
          patienceOf(redaction),
          redaction.clearedHolds ?? null,
        ],
      )
      const [{ seq, events } = { seq: "", events: "0" }] = rows
      answer = { act: seq, events, found, partitions: touched.partitions }
      await redaction.recorded?.(seq, found, touched.partitions, events)
      return seq
    }),
  ).catch((error: unknown) => {
    if (!(error instanceof NothingToRedact)) throw error
  })
  return answer
}

/** By holds that are over, which keep no names of somebody who is redacted. */
async function isNamedByHolds(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ some: string }>("select pgtrail.named_holds() <> '{}' as some")
  return rows[0]?.some === "t"
}

/** What was begun ends in an act or not at all: the transaction is given up. */
class NothingToRedact extends Error {}

/** Where something is to be replaced: only there is anything written. Of the organizations also those of which all is held there. */
async function touchedBy(
  client: Client,
): Promise<{ readonly partitions: readonly string[]; readonly organizations: readonly string[] }> {
  const { rows } = await client.query<{ partition: string; organization: string }>(
    `select p.partition_name as partition, p.organization_id as organization from pg_temp.pgtrail_plan p
     where p.partition_name in (select p.partition_name from pg_temp.pgtrail_plan p where ${isReplaced})
     group by 1, 2 order by 1, 2`,
  )
  return {
    partitions: [...new Set(rows.map(({ partition }) => partition))],
    organizations: [...new Set(rows.map(({ organization }) => organization))],
  }
}

/** What is refused before anything is read: a log of another level, a role that may not, a standby. `needs` as regprocedure reads it. */
export async function refuseUnable(
  client: Client,
  needs: string,
  {
    key,
    nothing,
    patienceMs = 30_000,
  }: { key?: SigningKey | undefined; nothing: string; patienceMs?: number | undefined },
): Promise<void> {
  await client.query("select set_config('lock_timeout', $1, false)", [`${patienceMs}ms`])
  const state = await schemaState(client)
  if (!state.installed || state.migrations.some((migration) => migration.state === "pending")) {
    throw new TrailError(
      state.installed ? "pending-migration" : "not-installed",
      state.installed ? `a migration is pending: ${nothing}` : "pgtrail is not installed in this database",
      { hint: state.installed ? "pgtrail migrate up" : "pgtrail install" },
    )
  }
  await refuseForeignFunctions(client)
  const { rows } = await client.query<{ standby: string; may: string }>(
    "select pg_is_in_recovery() as standby, has_function_privilege($1, 'execute') as may",
    [needs],
  )
  if (rows[0]?.may !== "t") {
    throw new TrailError(
      "privilege",
      "this role may not do what requests of people need: that takes pgtrail_privacy",
      {
        hint: `${nothing}; grant it to the role of this connection: pgtrail grant privacy ROLE`,
      },
    )
  }
  if (rows[0]?.standby === "t") {
    throw new TrailError("read-only", "this server is a standby, which takes no writes", {
      hint: `${nothing}; connect to the primary`,
    })
  }
  if (key === undefined && needs.startsWith("pgtrail.redact") && (await wantsSignatures(client))) {
    throw new TrailError("config", "this log takes signed acts only, and no key was given", {
      hint: `${nothing}; run it again with --key file:PATH`,
    })
  }
}
