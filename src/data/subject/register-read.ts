// Reads a register of erasures, in as little memory as it has erasures: first how each of them stands, then its places.
import { createHash, type Hash } from "node:crypto"
import { createReadStream } from "node:fs"
import { createInterface } from "node:readline"
import { fileError } from "../checkpoint/files.js"
import { TrailError } from "../errors.js"
import type { PseudonymStrategy } from "./privacy-key.js"
import { type Beginning, type Places, pseudonymSchema, registerSchema } from "./register.js"
import { isEnding, isErasure, isOwnToken, isPlaces, isPseudonymization, isWritten } from "./register-form.js"

/** One erasure of the register. */
export interface Erasure
  extends Pick<Beginning, "id" | "log_id" | "time" | "strategy" | "request" | "act" | "act_hash"> {
  readonly events: string
  readonly holds: NonNullable<Beginning["holds"]>
  /** That it took away. */
  readonly pseudonyms: readonly string[]
  /** False: it was about to commit, and nobody saw it end. */
  readonly done: boolean
}

export interface Pseudonymization extends Erasure {
  readonly strategy: PseudonymStrategy
  readonly key: string
  readonly subject: readonly string[]
  readonly joined: boolean
}

/** An erasure, or a pseudonymization, of which not all is in the register. */
export interface Unwritten extends Pick<Beginning, "log_id" | "strategy" | "act" | "act_hash"> {
  /** Nothing was written after it. */
  readonly isLast: boolean
}

export interface ReadRegister {
  readonly erasures: readonly Erasure[]
  readonly pseudonymizations: readonly Pseudonymization[]
  /** Of each erasure, by its id: the keyed hashes of whom it was about. */
  readonly subjects: ReadonlyMap<string, Pick<Beginning, "key" | "subject">>
  readonly unwritten: readonly Unwritten[]
  /** The last line is only begun, and is not the one that says how an erasure ended. */
  readonly isCut: boolean
  /** What is not as it should be and does no harm, in words. */
  readonly warnings: readonly string[]
}

interface State {
  readonly beginning: Beginning
  readonly sum: Hash
  lines: number
  events: string | undefined
  ended: "done" | "void" | undefined
}

/** Throws TrailError `file` where it cannot be read, `broken` where somebody altered it or lost a part of it. */
export async function readRegister(path: string): Promise<ReadRegister> {
  const states = new Map<string, State>()
  const warnings: string[] = []
  let halves = 0
  let isCut = false
  let last = ""
  for await (const { value, line, number, isLast } of linesOf(path)) {
    if (value === undefined) {
      if (states.size === 0 && !line.startsWith("{")) {
        throw new TrailError("broken", `${path} is no register of erasures`, {
          hint: "nothing was erased; name the file that gdpr erase --register wrote",
        })
      }
      // Of a run that was killed: what it had begun was not committed, or nobody saw it end.
      if (isLast) {
        warnings.push(`the last line of ${path} is cut off: it was read up to there`)
        isCut = !/^\{"line":"(?:done|void)"/.test(line)
      } else halves += 1
      continue
    }
    last = (value as { id?: string }).id ?? ""
    read(states, value, line, `${path}, line ${number}`)
  }
  if (halves > 0)
    warnings.push(
      `${path} has ${halves === 1 ? "a line that is" : `${halves} lines that are`} no JSON, left by a run that was killed`,
    )
  const all = [...states.values()]
  const unwritten = all
    .filter(({ events }) => events === undefined)
    .map(({ beginning: { id, log_id, strategy, act, act_hash } }) => ({
      ...{ log_id, strategy, act, act_hash },
      isLast: id === last,
    }))
  if (unwritten.length > 0)
    warnings.push(
      `${sayHowMany(unwritten)} not written to the end: a run that was killed then committed nothing`,
    )
  const whole = all
    .filter(({ events, ended }) => events !== undefined && ended !== "void")
    .map(({ beginning, events, ended }) => {
      const { id, log_id, time, strategy, request, act, act_hash, holds = [], pseudonyms = [] } = beginning
      const common = { id, log_id, time, strategy, request, act, act_hash, holds, pseudonyms }
      return { beginning, entry: { ...common, events: events ?? "0", done: ended === "done" } }
    })
  const erasures = whole.flatMap(({ entry }) => (entry.strategy === "erase" ? [entry] : []))
  const pseudonymizations = whole.flatMap(({ entry, beginning }): Pseudonymization[] => {
    const { strategy } = entry
    const { key, subject, joined = false } = beginning
    return strategy === "erase" || key === null || subject === null
      ? []
      : [{ ...entry, strategy, key, subject, joined }]
  })
  const subjects = new Map(all.map(({ beginning }) => [beginning.id, beginning]))
  return { erasures, pseudonymizations, subjects, unwritten, isCut, warnings }
}

/** `2 erasures and one pseudonymization are`. */
export function sayHowMany(
  entries: readonly Pick<Beginning, "strategy">[],
  one = "is",
  several = "are",
): string {
  const said = (["erasure", "pseudonymization"] as const).flatMap((noun) => {
    const of = entries.filter(({ strategy }) => nounOf(strategy) === noun).length
    return of === 0 ? [] : [of === 1 ? `one ${noun}` : `${of} ${noun}s`]
  })
  return `${said.join(" and ")} ${entries.length === 1 ? one : several}`
}

export const nounOf = (strategy: Beginning["strategy"]): "erasure" | "pseudonymization" =>
  strategy === "erase" ? "erasure" : "pseudonymization"

function read(states: Map<string, State>, value: unknown, line: string, where: string): void {
  if (isErasure(value) || isPseudonymization(value)) {
    const beginning = value as Beginning
    if (states.has(beginning.id)) throw broken(where, "it begins an entry that had begun before")
    states.set(beginning.id, {
      beginning,
      sum: createHash("sha256").update(`${line}\n`),
      lines: 1,
      events: undefined,
      ended: undefined,
    })
    return
  }
  const { id = "" } = value as { id?: string }
  const state = states.get(id)
  if (isPlaces(value) && state !== undefined && state.events === undefined) {
    if (!isOwnToken(state.beginning, (value as Places).token))
      throw broken(where, "its pseudonym is not one of this entry")
    state.sum.update(`${line}\n`)
    state.lines += 1
  } else if (isWritten(value) && state !== undefined && state.events === undefined) {
    const { events, sha256 } = value as { events: string; sha256: string }
    if (state.sum.digest("hex") !== sha256)
      throw broken(where, "the lines of this entry are not what was written")
    state.events = events
  } else if (isEnding(value) && state?.events !== undefined) {
    state.ended = (value as { line: "done" | "void" }).line
  } else {
    const { schema } = value as { schema?: unknown }
    if (typeof schema === "string" && schema !== registerSchema && schema !== pseudonymSchema)
      throw broken(where, `it is of another form: ${JSON.stringify(schema.slice(0, 60))}`)
    throw broken(where, "it is no line of a register of erasures, or not at its place")
  }
}

/** The places of these erasures, in the order of the file. */
export async function* registeredPlaces(path: string, ids: ReadonlySet<string>): AsyncGenerator<Places> {
  for await (const { value } of linesOf(path)) {
    if (isPlaces(value) && ids.has((value as Places).id)) yield value as Places
  }
}

interface Line {
  /** Undefined where it is no JSON. */
  readonly value: unknown
  readonly line: string
  readonly number: number
  readonly isLast: boolean
}

async function* linesOf(path: string): AsyncGenerator<Line> {
  let before: Omit<Line, "isLast"> | undefined
  try {
    const lines = createInterface({
      input: createReadStream(path, "utf8"),
      crlfDelay: Number.POSITIVE_INFINITY,
    })
    let number = 0
    for await (const line of lines) {
      number += 1
      if (line === "") continue
      if (before !== undefined) yield { ...before, isLast: false }
      before = { value: parsed(line), line, number }
    }
  } catch (error) {
    throw fileError(error, "read", path)
  }
  if (before !== undefined) yield { ...before, isLast: true }
}

/** The register is pgtrail's own, not evidence, and may be parsed. */
function parsed(line: string): unknown {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === "object" && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

const broken = (where: string, why: string): TrailError =>
  new TrailError("broken", `the register of erasures is damaged: ${where}: ${why}`, {
    hint: "nothing was changed; take it from another copy",
  })
