// What an export of a subject left to be done, for people.

import { demanded, type SubjectManifest } from "./export-manifest.js"
import { ungivenWords } from "./limits.js"

/** What whoever made it has to know, and what to do next. */
export function describeSubjectExport(
  { counts, text: state, searched, information }: SubjectManifest,
  isSigned: boolean,
): string {
  const missing = demanded.filter((name) => information[name] === null)
  const { archives, detached, missing_keys: keys, ungiven, misnamed, companions } = searched
  const notes = [
    ...(counts.events === "0" ? ["nothing of the person was found, which is an answer too"] : []),
    ...(missing.length === 0
      ? []
      : [
          `not configured, and Article 15(1) demands it: ${missing.map((name) => `gdpr.${name}`).join(", ")}`,
        ]),
    ...(detached.length === 0 ? [] : [`detached partitions were read too: ${detached.join(", ")}`]),
    ...archives.flatMap(({ name, included, why, next }) =>
      included ? [] : [`archive ${name} is not included: ${why}; next: ${next}`],
    ),
    ...keys.map(
      (id) =>
        `events under pseudonyms of the privacy key ${id} are not included; next: run it again with --privacy-key ${id}=file:PATH and another --out`,
    ),
    ...misnamed,
    ...companions.map((words) => `not in the export: ${words}`),
    ...ungivenWords({ ungiven }),
    ...(isSigned
      ? []
      : ["the manifest is not signed: whoever can change the files can change it too; --key FILE signs it"]),
    ...(counts.review_events === "0" || state === "included"
      ? []
      : [
          "next: look at the places in review.csv (pgtrail show), then run it again with --include-text and another --out",
        ]),
  ]
  return notes.join("\n")
}
