// A backup without a manifest, in words: what it may be, whether a next run can go on with it, and what to run.
import { shellPlace } from "../shell-word.js"
import { plural } from "../words.js"
import { isEntryName } from "./entry.js"
import type { FoundBackup } from "./list.js"

/** Files that another run can take over: an entry lies beside each. */
const wholeIn = (files: Iterable<string>): number => [...files].filter(isEntryName).length

export function noManifest(files: Iterable<string>): string {
  const whole = wholeIn(files)
  return whole === 0
    ? "it has no manifest: it is being made, was stopped, or is half removed"
    : `it has no manifest: it is being made, or was stopped; ${plural(whole, "file")} of it ${whole === 1 ? "is" : "are"} whole`
}

/** `isPassed`: a newer one is finished, from which the next run goes on instead. */
export function nextOf({ files }: Pick<FoundBackup, "files">, location: string, isPassed: boolean): string {
  const create = `pgtrail backup create --to ${shellPlace(location)}`
  if (isPassed) return "nothing need be done: a newer one is finished"
  return wholeIn(files.keys()) === 0
    ? `nothing of it can be taken over; make another: ${create}`
    : `go on with it, with the options that it was begun with: ${create} --incremental`
}
