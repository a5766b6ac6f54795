// One archive in words: what it is, its files, its acts, and which rules keep it.
import { size } from "../status/facts.js"
import { plural, visible } from "../words.js"
import type { ArchiveAct, ArchiveFileFacts, ArchiveKind, ShownArchive } from "./show.js"

const width = 14
const line = (name: string, value: string): string => `${name.padEnd(width)}${value}`.trimEnd()

/** Of acts, and of rules: an archive that was restored and removed has few of either. */
const most = 10

export function describeArchive(archive: ShownArchive): string {
  const { acts, kinds, cases, files, files_problem: problem, kept_until: kept, state, looked_at } = archive
  const at = looked_at === archive.location ? "" : ` at ${visible(looked_at)}`
  return [
    `${archive.name}: ${state}`,
    line("events", `${plural(archive.events, "event")} from ${archive.oldest} to ${archive.newest}`),
    line("partition", `${archive.partition}, ${archive.since} to ${archive.until}`),
    line("place", visible(archive.location)),
    line("size", `${size(archive.bytes)} (${plural(archive.bytes, "byte")})`),
    line("manifest", archive.manifest),
    ...(files ?? []).flatMap((file) => fileWords(file, at)),
    ...(problem === null || state === "removed" ? [] : [line("files", visible(problem))]),
    ...(state === "removed" ? [] : [line("kept until", keptWords(kept))]),
    ...(cases === null || cases.length === 0
      ? []
      : [
          line("held", `a hold may be on its events: ${cases.map(visible).join(", ")}; it cannot be removed`),
        ]),
    "",
    ...(acts === null ? ["its acts: this role may not read them"] : cut(acts.map(actWords))),
    "",
    ...(kinds === null ? ["its kinds: this role may not read them"] : cut(ruled(kinds))),
  ]
    .join("\n")
    .replace(/\n+$/, "")
}

function cut(lines: readonly string[]): string[] {
  if (lines.length <= most) return [...lines]
  return [...lines.slice(0, most), `and ${lines.length - most} more, in --json`]
}

const fileWords = ({ name, rows, bytes, sha256, recipients }: ArchiveFileFacts, at: string): string[] => [
  line("file", `${name}${at}, ${plural(rows, "row")}, ${plural(bytes, "byte")}`),
  line("", `sha256 ${sha256}`),
  ...(recipients ?? []).map((recipient) => line("", `encrypted to ${visible(recipient)}`)),
]

const actWords = (act: ArchiveAct): string =>
  line(
    did[act.kind] ?? "restored",
    `${act.recorded_at} by ${visible(act.session_user_name)}, act ${act.act}${act.schema === null ? "" : `, into ${visible(act.schema)}.event`}: ${visible(act.reason ?? "")}${act.requested_by === null ? "" : `, requested by ${visible(act.requested_by)}`}`,
  )

const keptWords = (until: string | null): string =>
  until === null ? "not known to this role" : until === "infinity" ? "for ever" : until

/** Each rule once, with all that it keeps; first the one that keeps longest. */
function ruled(kinds: readonly ArchiveKind[]): string[] {
  const rules = new Map<string, { readonly name: string; events: bigint; until: string }>()
  for (const { policy, floor, keep_days, events, kept_until } of kinds) {
    const with_ = floor === null ? "" : ` with floor ${visible(floor)}`
    const name = `${visible(policy)}${with_} keeps ${plural(keep_days, "day")}`
    const rule = rules.get(name) ?? { name, events: 0n, until: kept_until }
    rule.events += BigInt(events)
    if (isLater(kept_until, rule.until)) rule.until = kept_until
    rules.set(name, rule)
  }
  return [...rules.values()]
    .sort((a, b) => (isLater(a.until, b.until) ? -1 : 1))
    .map(({ name, events, until }) =>
      line("rule", `${name}: ${plural(String(events), "event")}, until ${keptWords(until)}`),
    )
}

/** Years after 9999 have more digits, and infinity comes after all. */
const isLater = (a: string, b: string): boolean => {
  const [one, other] = [a, b].map((time) => (time === "infinity" ? "~" : time.padStart(40, "0")))
  return (one ?? "") > (other ?? "")
}

const did: Readonly<Record<string, string>> = {
  purge: "archived",
  remove_archive: "removed",
  redact: "written anew, redacted",
}
