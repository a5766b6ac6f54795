// README.txt beside the data of a subject: what lies there, for somebody who knows nothing of logs.

import { manifestName, signatureName } from "../export/manifest.js"
import { grouped } from "../words.js"
import type { SubjectManifest } from "./export-manifest.js"
import { otherPerson } from "./export-others.js"
import { reviewName } from "./export-rows.js"
import { forReview } from "./export-values.js"

export const readmeName = "README.txt"

export function readmeOf(manifest: SubjectManifest, isSigned: boolean): string {
  const { information, counts, searched, files } = manifest
  const [data] = files
  const left = searched.archives.filter(({ included }) => !included)
  const sections: readonly (readonly [title: string, text: string | null])[] = [
    ["Who is responsible", information.controller],
    ["What the data are used for", information.purposes],
    ["Categories of data", information.categories],
    ["Who receives them", information.recipients],
    ["Transfers to third countries", information.transfers],
    ["Where they come from", information.source],
    ["Automated decisions", information.automation],
    ["How long they are kept", retentionText(manifest)],
    ["Your rights", information.rights],
    ["Complaints", information.complaint],
  ]
  const lines = [
    "Your personal data in an audit log",
    "==================================",
    "",
    `An audit log records who did what, and when. On ${manifest.created_at} it had ${grouped(counts.events)} events with you:`,
    `  ${grouped(counts.as_actor)} in which you acted, ${grouped(counts.as_subject)} that are about you, ${grouped(counts.mentioned)} that only mention you.`,
    ...(manifest.request === null ? [] : [`This answers request ${manifest.request}.`]),
    "",
    "Files",
    "-----",
    `${data?.name ?? ""}: the events; all times are UTC. The first column says what you are in the event.`,
    `${reviewName}: places of text that may name other people, which somebody has to look at.`,
    `${manifestName}: what was searched and left out, and the sha256 of each file.`,
    ...(isSigned ? [`${signatureName}: a signature over ${manifestName}.`] : []),
    "",
    `"${otherPerson}" stands where the data of other people are left out (${grouped(counts.masked)} events).`,
    manifest.text === "withheld"
      ? `"${forReview}" stands where text may name other people, and was not released yet (${grouped(counts.review_events)} events).`
      : "Text that may name other people was released.",
    ...(left.length === 0
      ? []
      : [
          `${grouped(left.length)} archives may have more events, and are not included yet: ${manifestName} names them.`,
        ]),
    ...(searched.missing_keys.length === 0
      ? []
      : ["Events in which a pseudonym stands for you were not all searched, and may be missing here."]),
    "",
  ]
  for (const [title, text] of sections) {
    if (text !== null) lines.push(title, "-".repeat(title.length), text, "")
  }
  return `${lines.join("\n")}`
}

function retentionText({ information, retention }: SubjectManifest): string {
  const rules = retention.map(({ kind, name, keep_days, ...of }) => {
    const only = Object.entries({
      organization: of.organization_id,
      type: of.event_type,
      classification: of.data_classification,
      tag: of.compliance_tag,
    }).flatMap(([what, value]) => (value === null ? [] : [`${what} ${value}`]))
    const whose = only.length === 0 ? "events that no other rule is for" : `events of ${only.join(", ")}`
    return `${kind === "floor" ? "at least " : ""}${grouped(keep_days)} days: ${whose} (${kind} ${name})`
  })
  return [...(information.retention === null ? [] : [information.retention]), ...rules].join("\n")
}
