// Whether a group of an event is what its redactions left of it.
import * as crypto from "node:crypto"
import { type Entry, type EntryPlace, elementsOf, entriesDigest, type GroupName } from "./entry.js"
import { firstKept } from "./replaced.js"

/** A group of an event as it stands there. */
export interface PresentGroup {
  readonly group: GroupName
  /** The digest in the place of its values; hex, undefined where none is set. */
  readonly stored: string | undefined
  /** Of the values that are there now, as it is hashed. */
  readonly record: Buffer
}

export interface RedactionFault {
  readonly kind: "altered" | "unauthorized_redaction"
  readonly group: GroupName
  /** What follows the proof of the event in the evidence; empty for nothing. */
  readonly detail: string
  /** After "the identity of event 7": what is wrong with it. */
  readonly words: string
}

/** Undefined where it is what was recorded, or what its redactions left. `entries`: of this group alone, in the order of number. */
export function judgeGroup(
  { group, stored, record }: PresentGroup,
  entries: readonly Entry[],
  place: () => EntryPlace,
): RedactionFault | undefined {
  const fault = (kind: RedactionFault["kind"], words: string, detail = "") => ({ kind, group, detail, words })
  if (stored === undefined && entries.length === 0) return undefined
  if (entries.length === 0)
    return fault("unauthorized_redaction", "was redacted, and no redaction was recorded there")
  if (stored === undefined) {
    const words = "was redacted, and has values that no redaction left: somebody brought them back"
    return fault("unauthorized_redaction", words, "undone")
  }
  const isChain = entries.every(
    ({ number, oldDigest }, at) =>
      number === at + 1 && oldDigest === (at === 0 ? stored : entries[at - 1]?.newDigest),
  )
  if (!isChain) {
    const words = "was redacted, and the entries of its redactions do not fit it: they are not of this event"
    return fault("unauthorized_redaction", words, `entries ${entriesDigest(place(), entries)}`)
  }
  const present = crypto.hash("sha256", record, "hex")
  if (present !== entries.at(-1)?.newDigest)
    return fault("altered", "was altered after it was redacted", `values ${present}`)
  for (const { fields } of entries) {
    const kept = firstKept(group, record, elementsOf(fields))
    if (kept === undefined) continue
    const words = `has a value that no redaction leaves, where one replaced it: ${JSON.stringify(kept.slice(0, 100))}`
    return fault("unauthorized_redaction", words, `kept ${present}`)
  }
  return undefined
}

const noFaults: readonly RedactionFault[] = []

/** What is wrong with the groups of one event, whose entries are those of both. */
export function judgeGroups(
  groups: readonly PresentGroup[],
  entries: readonly Entry[],
  place: () => EntryPlace,
): readonly RedactionFault[] {
  const faults = groups.flatMap((present) => {
    const own = entries.filter(({ group }) => group === present.group)
    const fault = judgeGroup(present, own, place)
    return fault === undefined ? [] : [fault]
  })
  return faults.length === 0 ? noFaults : faults
}
