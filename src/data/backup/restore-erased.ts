// What the log that was replaced had erased since the backup, and no register erases again: it is back, and nothing else tells.
import { plural } from "../words.js"
import type { RestoredBackup } from "./restore-options.js"

type Told = Pick<RestoredBackup, "dry_run" | "replaced" | "reapplied">

/** Acts of it, which go with it. What it had erased again from a register stands in that register under its first act. */
export function erasedAndBack({ dry_run, replaced, reapplied }: Told): readonly string[] {
  if (dry_run) return []
  const listed = [...(reapplied?.erasures ?? []), ...(reapplied?.pseudonymizations ?? [])]
  const covered = new Set(listed.map(({ act, act_hash: hash }) => `${act} ${hash}`))
  const redactions = replaced?.newer_redactions ?? []
  return redactions
    .filter(({ act, hash, strategy }) =>
      strategy === "reapply" ? covered.size === 0 : !covered.has(`${act} ${hash}`),
    )
    .map(({ act }) => act)
}

const most = 10

/** `register`: as it was named. */
export function warningsOfErased(report: Told, register: string | undefined): string[] {
  const acts = erasedAndBack(report)
  const { reapplied } = report
  const named = `${acts.slice(0, most).join(", ")}${acts.length > most ? ` and ${acts.length - most} more` : ""}`
  return [
    ...(reapplied !== null && reapplied.erasures.length + reapplied.pseudonymizations.length === 0
      ? [`the register ${register} lists no erasure of this log: look whether it is the right one, and whole`]
      : []),
    ...(acts.length === 0
      ? []
      : [
          `what ${plural(acts.length, "act")} of the log that was replaced had erased is back (${acts.length === 1 ? "act" : "acts"} ${named})` +
            (register === undefined ? "" : `: the register ${register} does not list it`),
        ]),
  ]
}
