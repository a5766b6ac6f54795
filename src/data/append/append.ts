// Appends events in one statement, all or none, and names the event and field where the server refuses them.
import { isUtf8 } from "node:buffer"
import { randomUUID } from "node:crypto"
import { TrailError } from "../errors.js"
import { jsonRecords } from "../import/json-records.js"
import type { Asking } from "../session.js"
import { encodeEvent } from "./encode.js"
import type { EventInput } from "./event.js"
import type { Link } from "./link.js"
import { passing, retry } from "./retry.js"
import { textProblem } from "./text.js"

/** The place of an appended event: keep it, and the event can be found and verified by it. All values are text. */
export type Appended = {
  readonly id: string
  readonly organization_id: string
  readonly lane: string
  readonly seq: string
  readonly recorded_at: string
  /** sha256 as hex. */
  readonly hash: string
}

export interface AppendOptions {
  /**
   * A uuid that is remembered for 24 hours: a call that repeats the same events under it appends nothing and is told the places of
   * the first. Give it, and every event an id and a time, to repeat a call from another process; a call repeats itself anyway.
   */
  readonly batchId?: string
  readonly signal?: AbortSignal
}

const places = `
  select a.id::text, a.organization_id, a.lane::text, a.seq::text,
    to_char(a.recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as recorded_at, encode(a.hash, 'hex') as hash
  from pgtrail.append($1::jsonb, $2::uuid) with ordinality a
  order by a.ordinality`

/** Milliseconds for which a single call tries again: an application's request waits for it. */
const patience = 10_000
/** Bytes. A statement is held in memory several times over, here and in the server. */
const largestCall = 64 * 1024 * 1024

export async function appendEvents(
  link: Link,
  events: EventInput | readonly EventInput[],
  options: AppendOptions = {},
): Promise<Appended[]> {
  const list: readonly EventInput[] = isList(events) ? events : [events]
  const texts = list.map((event, at) => {
    const encoded = encodeEvent(event, { stamp: options.batchId === undefined })
    if ("problem" in encoded) throw refused([[at, encoded.problem]], list.length)
    return encoded.json
  })
  return appendCall(link, texts, options)
}

function isList(events: EventInput | readonly EventInput[]): events is readonly EventInput[] {
  return Array.isArray(events)
}

/** Events that are JSON text already: one object, an array, or one after the other (NDJSON). Not a digit of them is altered. */
export async function appendJson(
  link: Link,
  json: string | Uint8Array,
  options: AppendOptions = {},
): Promise<Appended[]> {
  const splitter = jsonRecords()
  const bytes = typeof json === "string" ? Buffer.from(json, "utf8") : Buffer.from(json)
  const records = [...splitter.push(withoutMark(bytes)), ...splitter.end()]
  const bad = records.flatMap((record, at): [number, string][] => {
    const problem = record.problem ?? syntaxProblem(record.raw)
    return problem === undefined ? [] : [[at, problem]]
  })
  if (bad.length > 0) throw refused(bad, records.length)
  return appendCall(
    link,
    records.map((record) => record.raw.toString("utf8")),
    options,
  )
}

/** Windows programs put U+FEFF before UTF-8. */
function withoutMark(bytes: Buffer): Buffer {
  return bytes.subarray(0, 3).toString("latin1") === "\xef\xbb\xbf" ? bytes.subarray(3) : bytes
}

async function appendCall(link: Link, texts: readonly string[], options: AppendOptions): Promise<Appended[]> {
  if (texts.length === 0) return []
  const size = texts.reduce((sum, text) => sum + text.length, 0)
  if (size > largestCall) {
    throw new TrailError("bad-event", `the events have ${size} bytes, and one call takes ${largestCall}`, {
      hint: "pgtrail import file FILE takes files of any size",
    })
  }
  const batchId = options.batchId ?? randomUUID()
  try {
    return await retry(() => appendBatch(link, texts, batchId), {
      codes: passing,
      forMs: patience,
      signal: options.signal,
    })
  } catch (error) {
    if (!isRefusal(error)) throw error
    const bad = await findRefused(link, texts)
    throw bad.length === 0 ? error : refused(bad, texts.length)
  }
}

/** One attempt. A repetition with the same id and texts appends nothing and is told the same places. */
export async function appendBatch(
  link: Link,
  texts: readonly string[],
  batchId: string,
): Promise<Appended[]> {
  return link.run(async (client) => {
    const { rows } = await client.query<Appended>(places, [`[${texts.join(",")}]`, batchId])
    return rows
  })
}

/** Whether the events are the reason, and asking which of them makes sense. */
export function isRefusal(error: unknown): error is TrailError {
  return error instanceof TrailError && error.code === "bad-event"
}

/** Index and reason of each event that the server refuses. */
export async function findRefused(link: Link, texts: readonly string[]): Promise<[number, string][]> {
  const local = texts.flatMap((text, at): [number, string][] => {
    const problem = textProblem(text)
    return problem === undefined ? [] : [[at, problem]]
  })
  if (local.length > 0) return local
  return link.run(async (client) => {
    try {
      return await check(client, `[${texts.join(",")}]`)
    } catch (error) {
      // The text of one cannot even be read as jsonb: ask one by one.
      if (texts.length === 1) return [[0, "it has a number, a text or a depth that PostgreSQL cannot store"]]
      const bad: [number, string][] = []
      for (const [at, text] of texts.entries()) {
        const found = await check(client, text).catch((): [number, string][] => [
          [0, "it has a number, a text or a depth that PostgreSQL cannot store"],
        ])
        bad.push(...found.map(([, reason]): [number, string] => [at, reason]))
      }
      if (bad.length === 0) throw error
      return bad
    }
  })
}

async function check(client: Asking, json: string): Promise<[number, string][]> {
  const { rows } = await client.query<{ number: string; reason: string }>(
    "select number, reason from pgtrail.check_events($1::jsonb)",
    [json],
  )
  return rows.map((row) => [Number(row.number) - 1, row.reason])
}

/** The first is named with its reason, the others are counted. */
export function refused(bad: readonly (readonly [at: number, reason: string])[], of: number): TrailError {
  const [at, reason] = bad[0] ?? [0, "it was refused"]
  const which = of === 1 ? "the event cannot be appended" : `event ${at + 1} of ${of} cannot be appended`
  const more = bad.length > 1 ? ` (and ${bad.length - 1} more)` : ""
  return new TrailError("bad-event", `${which}: ${reason}${more}`, {
    hint: "nothing was appended; correct it and append again",
  })
}

function syntaxProblem(raw: Buffer): string | undefined {
  if (!isUtf8(raw)) return "it is not UTF-8"
  const text = raw.toString("utf8")
  try {
    JSON.parse(text)
  } catch {
    return "it is not JSON"
  }
  return textProblem(text)
}
