// Pseudonyms and their keys in words, for people.
import { grouped, plural, visible } from "../words.js"
import type { AddedKey, DestroyedKey } from "./change-keys.js"
import { redactedWords } from "./describe-erased.js"
import type { Found } from "./found.js"
import type { Pseudonymized } from "./pseudonymize.js"
import type { ArchiveRedacted } from "./redact-archives.js"

export function notePseudonymized(done: Pseudonymized): string {
  const { act, events, held, unsound, known, organizations, archives } = done
  const before = known
    .map(({ pseudonym }) => pseudonym)
    .filter((one) => !organizations.some((o) => o.pseudonym === one))
  const first = done.dry_run
    ? `${plural(events, "event")} would have a pseudonym; nothing was changed`
    : act === null
      ? archives.length === 0
        ? "nothing was found that could have a pseudonym; nothing was changed"
        : "nothing in the log was to have a pseudonym"
      : `${plural(events, "event")} with a pseudonym now, recorded as act ${act}; it is still personal data`
  return [
    first,
    ...(held === "0"
      ? []
      : [`${plural(held, "event")} held: they stay as they are until the hold is released`]),
    ...(unsound === "0"
      ? []
      : [`${plural(unsound, "event")} not as they were appended: they stay, as evidence; pgtrail verify`]),
    ...(events === "0" ? [] : lostWords(done.found, done.dry_run)),
    ...archives.map((archive) => `archive ${archiveWords(archive, done.dry_run)}`),
    ...done.failed.map((words) => `failed: ${visible(words)}`),
    ...done.limits,
    ...(done.dry_run || done.register !== null || (act === null && archives.every((one) => one.act === null))
      ? []
      : [
          "in no register: whoever restores a backup of before brings the person back, and nothing tells (--register)",
        ]),
    ...(before.length === 0 ? [] : [`the person stands in the log already as ${before.join(", ")}`]),
  ].join("\n")
}

const archiveWords = (archive: ArchiveRedacted, isDry: boolean): string =>
  isDry && archive.why === null
    ? `${visible(archive.archive)}: ${plural(archive.events, "event")} would have a pseudonym`
    : redactedWords(archive)

/** What no key brings back: a pseudonym leads to the identifiers that were typed, and to nothing else. */
function lostWords({ fields }: Found, isDry: boolean): string[] {
  const sums = new Map<string, bigint>()
  for (const { field, group, events } of fields) {
    if (group !== "frame") sums.set(field, (sums.get(field) ?? 0n) + BigInt(events))
  }
  const told = (isMeant: (field: string) => boolean): string =>
    [...sums]
      .flatMap(([name, events]) => (isMeant(name) ? [`${name} ${grouped(String(events))}`] : []))
      .join(", ")
  const nulls = told((field) => nulled.has(field))
  const texts = told((field) => !nulled.has(field) && !named.has(field))
  const verb = isDry ? "would become" : "became"
  return [
    ...(nulls === "" ? [] : [`gone for good, as with an erasure: ${nulls} ${verb} null`]),
    ...(texts === ""
      ? []
      : [
          `in text and JSON (${texts}) only what is an identifier and nothing else has the pseudonym: other values with him in them ${verb} [erased], for good`,
        ]),
    "gdpr reveal gives back the identifiers that were typed, and nothing else",
  ]
}

const nulled: ReadonlySet<string> = new Set([
  ...["ip_address", "user_agent", "session_id", "device_id"],
  "signature",
])
const named: ReadonlySet<string> = new Set(["actor_id", "actor_name", "actor_email"])

/** `named` is how the file was typed. */
export function describeAddedKey({ key_id: id, act, retired }: AddedKey, named: string | undefined): string {
  return [
    `privacy key ${id}, active from now on, recorded as act ${act}`,
    ...(retired === null
      ? []
      : [`${retired} is retired: it still reveals, so keep it and its place in the configuration`]),
    ...(named === undefined
      ? []
      : [
          `key: ${named}  keep it where the database's owner cannot read it, and a copy elsewhere: without it nothing can be revealed`,
          `configuration: "privacy-key": [${[...(retired === null ? [] : ["..."]), `"${id}=file:${named}"`].join(", ").replace('"..."', "...")}]`,
        ]),
  ].join("\n")
}

export function describeDestroyedKey(done: DestroyedKey, here: { readonly reference: boolean }): string {
  const { key_id: id, act, pseudonyms, file } = done
  const forgotten =
    act === null
      ? `the privacy key ${id} was destroyed before`
      : `the log has forgotten whom ${plural(pseudonyms, "pseudonym")} of the privacy key ${id} stood for, recorded as act ${act}`
  const left =
    file !== null
      ? `removed: ${file}; delete every copy and backup of it too`
      : here.reference
        ? "the key itself is not in a file that could be removed: delete it where its reference leads to, with every copy and backup"
        : "where the key itself lies was not told: delete it, with every copy and backup"
  return `${forgotten}\n${left}`
}
