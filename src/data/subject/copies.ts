// Where erased values may still lie, and until when: what the server can tell of it, in words for the receipt.
import type { ClientBase } from "pg"
import { writeTime } from "../query/columns.js"
import type { KnownBackup } from "./known-backups.js"

export interface Copies {
  /** The write-ahead log of the server itself. */
  readonly wal: string
  /** Where WAL goes to, and who else reads it. */
  readonly elsewhere: readonly string[]
  readonly backups: string
  /** When the last backup made before the erasure is gone; null where nobody said how long backups are kept. */
  readonly backups_until: string | null
  /** Those that pgtrail made and the log knows of, made while the events stood in it; others (of the server, of disks) it does not know. */
  readonly known_backups: readonly KnownBackup[]
}

/** `backupsKept`: how many days backups are kept, as whoever makes them says. */
export async function copiesOf(
  client: ClientBase,
  backupsKept: number | undefined,
  known: readonly KnownBackup[],
): Promise<Copies> {
  const { rows } = await client.query<
    Record<"now" | "wal" | "kept" | "archives" | "slots", string> & { until: string | null }
  >(
    `select now() as now, current_setting('max_wal_size') as wal, current_setting('wal_keep_size', true) as kept,
       current_setting('archive_mode') as archives, (select count(*) from pg_replication_slots) as slots,
       now() + $1::int * interval '24 hours' as until`,
    [backupsKept ?? null],
  )
  const [row] = rows
  const now = writeTime(row?.now ?? "")
  const until = writeTime(row?.until ?? null)
  const kept =
    row?.kept === undefined || row.kept === null || row.kept === "0"
      ? ""
      : `, and wal_keep_size ${row.kept} keeps more`
  return {
    wal: `WAL of before ${now} holds them until checkpoints have let the server use its files again (max_wal_size ${row?.wal ?? "unknown"}${kept})`,
    elsewhere: [
      ...(row?.archives === "off"
        ? []
        : ["WAL is archived (archive_mode): there it holds them for as long as that is kept"]),
      ...(row?.slots === "0"
        ? []
        : [
            `${row?.slots} replication slots keep WAL, and standbys have it, until they have passed this point`,
          ]),
    ],
    backups:
      until === null
        ? `backups made before ${now} hold them for as long as they are kept: nobody said how long (--backups-kept)`
        : `backups made before ${now} hold them until ${until}`,
    backups_until: until,
    known_backups: known,
  }
}
