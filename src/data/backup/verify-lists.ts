// The two lists that are never encrypted: the newest heads, and the stretches of lanes that the files hold. Whether they close up can be told without an event.

import { genesis, headsDigest } from "../canonical.js"
import { LanePurges, readPart } from "../purge/ranges.js"
import { Chains } from "../verify/chains.js"
import type { LogTables } from "../verify/log-tables.js"
import { chainKey } from "../verify/row.js"
import { linesOf, unlike, valuesOf } from "./copy-text.js"
import type { BackupTable } from "./manifest.js"
import { type BackupManifest, isWhole } from "./manifest.js"
import type { BackupFindings } from "./verify-report.js"
import { bytesOf } from "./verify-row.js"
import { type TableSource, textOf } from "./verify-tables.js"

export interface ListedHead {
  readonly organization_id: string
  readonly lane: string
  readonly seq: string
  /** `\x` hex. */
  readonly hash: string
}

const fileOf = (source: ListSource, name: "heads" | "runs") => {
  const list = source.manifest.lists.find((one) => one.name === name)
  if (list === undefined) throw unlike("the backup", `it has no list of ${name}`)
  return list.file
}

export type ListSource = Omit<TableSource, "manifest"> & { readonly manifest: BackupManifest }

async function* rowsOf(
  source: ListSource,
  name: "heads" | "runs",
  columns: number,
): AsyncGenerator<(string | null)[]> {
  const file = fileOf(source, name)
  for await (const line of linesOf(textOf(source, file), file.name)) {
    const values = valuesOf(line)
    if (values.length !== columns) throw unlike(file.name, `a line has ${values.length} columns`)
    yield values
  }
}

async function* listedHeads(source: ListSource): AsyncGenerator<ListedHead> {
  for await (const [organization_id, lane, seq, hash] of rowsOf(source, "heads", 4)) {
    yield { organization_id: organization_id ?? "", lane: lane ?? "", seq: seq ?? "", hash: hash ?? "" }
  }
}

/**
 * Whether the stretches that the files hold, and those that purges took out, lead from the beginning of each lane to its head. Only where
 * every file with events has its runs in the list, and the records of purges can be read.
 */
export async function checkLists(
  source: ListSource,
  purges: LogTables | undefined,
  key: Buffer,
  isQuick: boolean,
  findings: BackupFindings,
): Promise<string | undefined> {
  const { manifest } = source
  const sums = new Chains(key)
  const chains = new Map<string, { sum: bigint; events: bigint }>()
  const listed = new Map<string, bigint>()
  const count = (name: string, more: bigint): void => void listed.set(name, (listed.get(name) ?? 0n) + more)
  const add = (chain: string, first: number, last: number, before: string, hash: string): void => {
    const state = chains.get(chain) ?? { sum: 0n, events: 0n }
    state.sum += sums.link(last, hash) - sums.link(first - 1, before)
    state.events += BigInt(last) - BigInt(first) + 1n
    chains.set(chain, state)
  }
  for await (const row of rowsOf(source, "runs", 7)) {
    const [relation, organization, lane, first, last, previous, hash] = row.map((value) => value ?? "")
    const [from, to] = [Number(first), Number(last)]
    if (!(Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 1 && from <= to))
      throw unlike(fileOf(source, "runs").name, "a stretch of it is none")
    add(
      chainKey(organization ?? "", lane ?? "0"),
      from,
      to,
      bytesOf(previous?.slice(2) ?? ""),
      bytesOf(hash?.slice(2) ?? ""),
    )
    count(relation ?? "", BigInt(to) - BigInt(from) + 1n)
  }
  const ofEvents = manifest.tables.filter(({ kind }) => kind !== "table")
  const isListed = ({ name, rows }: BackupTable): boolean => listed.has(name) || rows === "0"
  for (const table of ofEvents) {
    const events = listed.get(table.name)
    if (events !== undefined && String(events) !== table.rows)
      findings.addFile(
        "file",
        fileOf(source, "runs").name,
        `tells of ${events} events of ${table.name}, and there are ${table.rows}`,
      )
  }
  const heads: ListedHead[] = []
  let total = 0n
  for await (const head of listedHeads(source)) {
    heads.push(head)
    total += BigInt(head.seq)
  }
  const said = manifest.heads
  if (
    said.lanes !== String(heads.length) ||
    said.events !== String(total) ||
    said.digest !== headsDigest(heads)
  )
    findings.addFile(
      "manifest",
      fileOf(source, "heads").name,
      "is not the list of heads that the manifest tells of",
    )
  // Whoever reads the events sees it with them.
  if (!isQuick) return undefined
  if (manifest.partition !== null)
    return "whether the events of each lane close up to its head: it has one partition alone"
  if (!ofEvents.every(isListed))
    return "whether the events of each lane close up to its head: their runs were not kept"
  if (purges === undefined)
    return "whether the events of each lane close up to its head: the records of purges cannot be read"
  if (await purges.has("purge")) {
    for await (const record of purges.purges(manifest.organization ?? undefined)) {
      const part = record.restored_seq === null ? readPart(record) : undefined
      if (part === undefined) continue
      const lane = new LanePurges([part])
      for (let at = 0; at < lane.length; at++) {
        const range = lane.at(at)
        add(chainKey(record.organization_id, record.lane), range.first, range.last, range.before, range.hash)
      }
    }
  }
  const mask = (1n << 128n) - 1n
  for (const { organization_id, lane, seq, hash } of heads) {
    if (!isWhole(manifest) && organization_id !== manifest.organization) continue
    const chain = chainKey(organization_id, lane)
    const state = chains.get(chain) ?? { sum: 0n, events: 0n }
    chains.delete(chain)
    const end = sums.link(Number(seq), bytesOf(hash.slice(2)))
    const closes = manifest.log_ids.some((id) => {
      const begin = sums.link(0, genesis(id, organization_id, lane).toString("latin1"))
      return ((state.sum - end + begin) & mask) === 0n
    })
    if (closes && state.events === BigInt(seq)) continue
    findings.addOfLog(
      fileOf(source, "runs").name,
      `says that lane ${lane} of ${JSON.stringify(organization_id)} does not lead from its beginning to its head: that is of the log, without --quick it is told what is missing`,
    )
  }
  for (const chain of chains.keys()) {
    if (chains.get(chain)?.events === 0n) continue
    findings.addOfLog(fileOf(source, "runs").name, "tells of a lane that has no head: that is of the log")
    break
  }
  return undefined
}
