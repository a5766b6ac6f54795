// The two lists of a backup: the newest heads, and the unbroken stretches that each file has. Neither is ever encrypted.
import { createHash } from "node:crypto"
import type { Client } from "pg"
import { headBytes } from "../canonical.js"
import type { Store } from "../store/store.js"
import { CopyOut } from "./copy-out.js"
import { copyOut } from "./copy-read.js"
import { valuesOf } from "./copy-text.js"
import type { BackupList, BackupManifest } from "./manifest.js"
import { backupText, type ReadBackupOptions } from "./open.js"
import { writeFile } from "./write-file.js"

interface ListOptions {
  readonly level: number
  readonly signal?: AbortSignal | undefined
}

export interface WrittenHeads {
  readonly list: BackupList
  readonly heads: BackupManifest["heads"]
}

/** In the transaction of the snapshot. */
export async function writeHeads(
  client: Client,
  store: Store,
  folder: string,
  organizationLiteral: string | undefined,
  options: ListOptions,
): Promise<WrittenHeads> {
  const digest = createHash("sha256")
  let lanes = 0
  let events = 0n
  const condition =
    organizationLiteral === undefined ? "" : `where h.organization_id = ${organizationLiteral}`
  const copy = new CopyOut(
    `copy (select h.organization_id, h.lane, h.seq, h.hash from (
       select distinct on (h.organization_id, h.lane) h.organization_id, h.lane, h.seq, h.hash
       from pgtrail.chain_head h ${condition} order by h.organization_id, h.lane, h.seq desc) h
     order by h.organization_id collate "C", h.lane) to stdout`,
    (bytes, start, end) => {
      const [organization = "", lane = "", seq = "", hash = ""] = valuesOf(
        bytes.subarray(start, end - 1),
      ).map((value) => value ?? "")
      lanes += 1
      events += BigInt(seq)
      digest.update(headBytes({ organization_id: organization, lane, seq, hash }))
    },
  )
  const file = await writeFile(store, folder, "heads", copyOut(client, copy, options), {
    ...options,
    recipients: [],
  })
  return {
    list: { name: "heads", rows: String(copy.rows), file },
    heads: { lanes: String(lanes), events: String(events), digest: digest.digest("hex") },
  }
}

/** As COPY writes a text. */
const escaped = (text: string): string =>
  [...text].map((one) => (one === "\\" ? "\\\\" : (controls.get(one) ?? one))).join("")
const controls: ReadonlyMap<string, string> = new Map(
  [..."bfnrtv"].map((letter, index) => ["\b\f\n\r\t\v"[index] ?? "", `\\${letter}`]),
)

const atOnce = 65_536

/** `runs` hands over each partition's lines, in the order of the names. */
export async function writeRuns(
  store: Store,
  folder: string,
  runs: AsyncIterable<{ readonly name: string; readonly lines: string }>,
  options: ListOptions,
): Promise<BackupList> {
  let rows = 0
  async function* text(): AsyncGenerator<Buffer> {
    for await (const { name, lines } of runs) {
      const before = escaped(name)
      let piece = ""
      // There may be megabytes of them.
      for (let start = 0, end = lines.indexOf("\n"); end !== -1; end = lines.indexOf("\n", start)) {
        rows += 1
        piece += `${before}\t${lines.slice(start, end + 1)}`
        start = end + 1
        if (piece.length < atOnce) continue
        yield Buffer.from(piece)
        piece = ""
      }
      if (piece !== "") yield Buffer.from(piece)
    }
  }
  const file = await writeFile(store, folder, "runs", text(), { ...options, recipients: [] })
  return { name: "runs", rows: String(rows), file }
}

/** The lines of each partition in the list of runs of a backup, in its order; without the partition's name. */
export async function* readRuns(
  store: Store,
  manifest: Pick<BackupManifest, "name" | "lists">,
  options: ReadBackupOptions,
): AsyncGenerator<{ readonly name: string; readonly lines: string }> {
  const list = manifest.lists.find(({ name }) => name === "runs")
  if (list === undefined) return
  let rest = Buffer.alloc(0)
  let name: string | undefined
  let lines: string[] = []
  for await (const chunk of backupText(store, manifest.name, list.file, options)) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const end = bytes.lastIndexOf(0x0a) + 1
    rest = Buffer.from(bytes.subarray(end))
    for (const line of bytes.toString("utf8", 0, end).split("\n").slice(0, -1)) {
      const at = line.indexOf("\t")
      const own = line.slice(0, at)
      if (name !== undefined && own !== name) {
        yield { name: nameOf(name), lines: lines.join("") }
        lines = []
      }
      name = own
      lines.push(`${line.slice(at + 1)}\n`)
    }
  }
  if (name !== undefined) yield { name: nameOf(name), lines: lines.join("") }
}

const nameOf = (field: string): string => valuesOf(Buffer.from(field))[0] ?? ""
