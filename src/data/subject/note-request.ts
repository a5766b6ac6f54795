// Notes in the register of requests what answered one, and who had the subject's events and must be told (Article 19), as far as the log knows.
import type { Client } from "pg"
import type { EarlierErasure } from "./earlier.js"
import type { KnownBackup } from "./known-backups.js"
import { backupRecipients, exportsOf } from "./recipients.js"
import type { ArchiveRedacted } from "./redact-archives.js"
import type { Span } from "./spans.js"

export interface Answered {
  readonly act: string | null
  readonly earlier: readonly EarlierErasure[]
  readonly archives: readonly ArchiveRedacted[]
  readonly backups: readonly KnownBackup[]
  readonly spans: readonly Span[]
}

/** Those of its acts that the request does not have: of a run that was killed in between nobody knows whom it found. */
export async function unnotedOf(
  client: Client,
  request: string | undefined,
  earlier: readonly EarlierErasure[],
): Promise<EarlierErasure[]> {
  if (request === undefined) return []
  const { rows } = await client.query<{ act: string }>(
    "select n.act::text as act from pgtrail.subject_request r, unnest(r.acts) n (act) where r.request_id = $1",
    [request],
  )
  const noted = new Set(rows.map(({ act }) => act))
  return earlier.filter(({ act }) => !noted.has(act))
}

/** Exports, the archives that still have values, and backups; and all acts. */
export async function noteAnswer(client: Client, request: string, answered: Answered): Promise<void> {
  const { act, earlier, archives, backups, spans } = answered
  const recipients = [
    ...(await exportsOf(client, spans)),
    ...archives
      .filter(({ why }) => why !== null)
      .flatMap(({ archive, new_name: now, left, location, until, held, unsound }) => [
        ...(left === null ? [] : [{ kind: "files of archive", name: left, location }]),
        // Where files of the one before are all that is told of it, it has no values itself.
        ...(left === null || held !== "0" || unsound !== "0"
          ? [{ kind: "archive", name: now ?? archive, until }]
          : []),
      ]),
    ...backupRecipients(backups),
  ]
  const own = archives.flatMap((archive) => archive.act ?? [])
  for (const one of [...earlier.map((before) => before.act), act, ...own]) {
    await client.query("select pgtrail.note_request_act($1, $2, $3::jsonb)", [
      request,
      one,
      JSON.stringify(recipients),
    ])
  }
}
