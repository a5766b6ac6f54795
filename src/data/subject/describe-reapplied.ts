// What became of the pseudonymizations that a register lists, in words for people.
import { plural, visible } from "../words.js"
import type { Reapplied } from "./reapply.js"
import type { ReapplyForgotten } from "./reapply-forgotten.js"
import type { ReapplyPseudonymization } from "./reapply-pseudonym.js"

const line = (name: string, value: string): string => `${name.padEnd(12)}${value}`

/** Nothing where the register lists none. */
export function pseudonymizationLines({
  pseudonymizations: all,
  forgotten,
  dry_run: isDry,
}: Reapplied): string[] {
  const first = forgotten.map((one) => forgottenLine(one, isDry))
  if (all.length === 0) return first
  const sum = (count: "places" | "already" | "gone"): string =>
    String(all.reduce((total, one) => total + BigInt(one[count]), 0n))
  return [
    ...first,
    line(
      "pseudonyms",
      `the register lists ${plural(all.length, "pseudonymization")} of this log, in ${plural(sum("places"), "place")}, ${sum("already")} of them redacted in this log already`,
    ),
    ...all.flatMap((one) => [...againLines(one, isDry), ...leftLines(one)]),
    ...(sum("gone") === "0"
      ? []
      : [line("gone", `${plural(sum("gone"), "event")} of them not in the log any more, or in an archive`)]),
  ]
}

function forgottenLine({ act, events, again, why, held, unsound }: ReapplyForgotten, isDry: boolean): string {
  const stay = String(BigInt(held) + BigInt(unsound))
  const what = `${plural(events, "event")} with a pseudonym of the erasure of act ${act}`
  if (why !== null) return line("left", `${what}: ${visible(why)}`)
  return line(
    isDry ? "would" : "redacted",
    `${what}${again === null ? "" : `, and whom it stands for, recorded as act ${again}`}${stay === "0" ? "" : `; ${stay} stay, held or not as appended`}`,
  )
}

const nameOf = ({ act, strategy, request }: ReapplyPseudonymization): string =>
  `act ${act} (${strategy}${request === null ? "" : `, ${visible(request)}`})`

function againLines(one: ReapplyPseudonymization, isDry: boolean): string[] {
  const { replaced, acts, unknown } = one
  if (replaced === "0") return []
  return [
    line(
      isDry ? "would" : "again",
      `${plural(replaced, "event")} of ${nameOf(one)} with the same pseudonym${isDry ? "" : `, recorded as act${acts.length === 1 ? "" : "s"} ${acts.join(", ")}`}`,
    ),
    ...(unknown === 0
      ? []
      : [
          line(
            "unknown",
            `${plural(unknown, "identifier")} of that request ${unknown === 1 ? "stands" : "stand"} in none of these events: gdpr reveal does not give ${unknown === 1 ? "it" : "them"} back`,
          ),
        ]),
  ]
}

const leftLines = (one: ReapplyPseudonymization): string[] => [
  ...(one.why === null
    ? []
    : [line("left", `${plural(one.back, "event")} of ${nameOf(one)} as before: ${visible(one.why)}`)]),
  ...(one.held === "0" ? [] : [line("held", `${plural(one.held, "event")} of ${nameOf(one)}`)]),
  ...(one.unsound === "0"
    ? []
    : [
        line(
          "unsound",
          `${plural(one.unsound, "event")} of ${nameOf(one)}: not as appended, which is evidence`,
        ),
      ]),
]
