// Reads what people type to name events, resources and amounts.
import { TrailError } from "../errors.js"
import { quoted } from "../words.js"

/** How pgtrail names an event everywhere. */
export interface Place {
  readonly organization: string
  readonly lane: string
  readonly seq: string
}

/** What was typed: an id, or ORG/LANE/SEQ. An organization may contain slashes. */
export function readEventName(typed: string): Place | { readonly id: string } {
  const place = placeOf(typed)
  if (place !== undefined) return place
  if (/^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i.test(typed)) return { id: typed.toLowerCase() }
  throw new TrailError("usage", `${quoted(typed)} names no event`, {
    hint: "give its id, such as 0199aaf0-7c1e-7b2c-9a55-3f0d2c1b7e11, or its place, such as acme/0/42",
  })
}

function placeOf(typed: string): Place | undefined {
  const [, organization, lane, seq] = /^(.+)\/(\d{1,5})\/(\d{1,18})$/s.exec(typed) ?? []
  if (organization !== undefined && lane !== undefined && seq !== undefined && Number(lane) < 32_768) {
    return { organization, lane: String(Number(lane)), seq: BigInt(seq).toString() }
  }
  return undefined
}

/** ORG/LANE/SEQ alone. */
export function readPlace(typed: string, flag?: string): Place {
  const name = placeOf(typed)
  if (name !== undefined) return name
  throw new TrailError("usage", `${flag === undefined ? "" : `${flag} `}${quoted(typed)} is no place`, {
    hint: "give ORG/LANE/SEQ, such as acme/0/42",
  })
}

/** TYPE or TYPE/ID: a type has no slash, an id may. */
export function readResource(typed: string, flag = "--resource"): { type: string; id?: string } {
  const slash = typed.indexOf("/")
  const type = slash < 0 ? typed : typed.slice(0, slash)
  const id = slash < 0 ? undefined : typed.slice(slash + 1)
  if (type === "" || id === "") {
    throw new TrailError("usage", `${flag} takes TYPE or TYPE/ID, not ${quoted(typed)}`)
  }
  return { type, ...(id === undefined ? {} : { id }) }
}

/** How many events a sample shall have. */
export function readSize(typed: string): number {
  const size = Number(typed)
  if (/^\d{1,9}$/.test(typed) && size >= 1 && size <= mostSampled) return size
  throw new TrailError(
    "usage",
    `--sample takes a whole number from 1 to ${mostSampled}, not ${quoted(typed)}`,
  )
}

export const mostSampled = 100_000

/** Undefined is all. */
export function readLimit(typed: string): number | undefined {
  if (typed === "all") return undefined
  const limit = Number(typed)
  if (/^\d+$/.test(typed) && Number.isSafeInteger(limit)) return limit
  throw new TrailError("usage", `--limit takes a whole number or all, not ${quoted(typed)}`)
}
