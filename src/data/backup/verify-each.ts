// All events of some chains of a backup, file by file, in whatever order they stand there.
import { CopyRows } from "../archive/copy-rows.js"
import { BadLine } from "../archive/field-forms.js"
import { RowHasher } from "../archive/row-hash.js"
import type { PresentGroup } from "../redaction/judge.js"
import type { Store } from "../store/store.js"
import type { Row } from "../verify/row.js"
import type { BackupTable } from "./manifest.js"
import { readFile } from "./verify-file.js"
import { groupsOf, OddRows, rowOf } from "./verify-row.js"
import type { EventJob } from "./verify-scan.js"

export interface EventFiles {
  readonly store: Store
  readonly job: EventJob
  readonly tables: readonly BackupTable[]
  readonly signal: AbortSignal | undefined
}

/** `row` is valid only during the call. What is wrong with the files themselves the first reading has told. */
export type EventVisit = (row: Row, groups: () => readonly PresentGroup[], file: string, line: number) => void

export async function eachEvent(
  { store, job, tables, signal }: EventFiles,
  chains: { has(chain: string): boolean },
  visit: EventVisit,
): Promise<void> {
  const odd = new OddRows()
  const hasher = new RowHasher(true)
  for (const table of tables) {
    const file = table.file.name
    const reader = new CopyRows(
      {
        row: (row, line) => {
          if (chains.has(row.chain)) visit(rowOf(row), () => groupsOf(row.redactions), file, line)
        },
        bad: (line, _why, text) => {
          const found = odd.read(text)
          if (found === undefined || Number.isNaN(found.row.seq) || !chains.has(found.row.chain)) return
          visit(found.row, () => found.groups, file, line)
        },
      },
      hasher,
      job.longest,
    )
    await readFile(store, job.manifest.name, table.file, { identities: job.identities, signal }, (chunk) => {
      try {
        reader.push(chunk)
      } catch (error) {
        if (!(error instanceof BadLine)) throw error
      }
    })
  }
}
