// What the signature of an act signs, and which acts can be required to have one.

/** Kinds that take something away or let it go: the list of sql/functions/is_destructive.sql (a test compares them). */
export const destructiveKinds: readonly string[] = [
  "accept",
  "setting",
  "incarnation",
  "purge",
  "release",
  "retention",
  "remove_archive",
  "redact",
]

/** The signed text: FORMAT.md. `logId` is that of the first incarnation, `hash` hex. */
export function actText(logId: string, seq: string, hash: string): string {
  return `pgtrail act\n${logId}\n${seq}\n${Buffer.from(hash, "hex").toString("base64")}\n`
}
