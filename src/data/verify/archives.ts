// Replays what was archived, restored and removed, and compares the control tables with it.
import { parametersOf, word } from "../act/about.js"
import type { TextRow } from "../canonical.js"

/** What an act of a purge put into an archive, and what came of it. */
export interface ArchivedPurge {
  /** seq of the act. */
  readonly act: string
  readonly name: string
  readonly location: string
  readonly partition: string
  /** The bounds of that partition, where the act tells them. */
  readonly bounds: readonly [since: string, until: string] | undefined
  readonly events: string
  readonly bytes: string
  /** SHA-256 of its manifest; hex. */
  readonly manifest: string
  /** SHA-256 over the kinds of its events; hex. */
  readonly kinds: string
  /** Of the act: over the records of what it purged; hex. */
  readonly digest: string
  /** seq of the acts that restored and removed it. */
  readonly restored: string | null
  readonly removed: string | null
}

type Parameters = Readonly<Record<string, unknown>>

/** An act that says to restore or remove what it cannot. */
export interface Vain {
  readonly seq: string
  readonly message: string
  /** Its own; hex. */
  readonly hash: string
}

/** Whether an act of a purge put its events into an archive. */
export const hasArchive = (given: Parameters): boolean => word(parametersOf(given.archive).name) !== ""

/** What an act of kind restore brought back into the log: seq of the act of the purge. Undefined where it copied the events to elsewhere. */
export const restoredBy = (given: Parameters): string | undefined =>
  given.schema === undefined || given.schema === null ? word(given.purge) : undefined

export class Archives {
  readonly #archives = new Map<string, ArchivedPurge>()
  readonly vain: Vain[] = []

  /** By name. */
  get all(): ReadonlyMap<string, ArchivedPurge> {
    return this.#archives
  }

  /** The migration that made the tables was taken back: what had been archived is purged. */
  reset(): void {
    this.#archives.clear()
  }

  purge(seq: string, act: TextRow, given: Parameters): void {
    if (!hasArchive(given)) return
    const archive = parametersOf(given.archive)
    const name = word(archive.name)
    if (this.#archives.has(name))
      this.#complain(seq, act, `purges into the archive ${JSON.stringify(name)}, which is there already`)
    else {
      const [since, until] = Array.isArray(archive.bounds) ? archive.bounds.map(word) : []
      this.#archives.set(name, {
        act: seq,
        name,
        location: word(archive.location),
        partition: word(given.partition),
        bounds: since === undefined || until === undefined ? undefined : [since, until],
        events: word(given.events),
        bytes: word(archive.bytes),
        manifest: word(archive.manifest),
        kinds: word(archive.kinds),
        digest: act.digest?.slice(2) ?? "",
        restored: null,
        removed: null,
      })
    }
  }

  /** Once for each archive: nobody can bring back what is back. */
  restore(seq: string, act: TextRow, given: Parameters): void {
    if (restoredBy(given) === undefined) return
    const archive = this.named(given)
    if (archive?.restored === null) this.#archives.set(archive.name, { ...archive, restored: seq })
    else this.#complain(seq, act, "restores what no archive has: it restores nothing")
  }

  remove(seq: string, act: TextRow, given: Parameters): void {
    const archive = this.named(given)
    if (archive?.removed === null) this.#archives.set(archive.name, { ...archive, removed: seq })
    else this.#complain(seq, act, "removes an archive that is not there: it removes nothing")
  }

  /** What an archive became when its events were redacted, also after they were restored: another stands in its place, and keeps its act. */
  rewrite(seq: string, act: TextRow, given: Parameters): void {
    const to = parametersOf(given.archive)
    const archive = this.named(to)
    const name = word(to.name)
    const isFree = name !== "" && (name === archive?.name || !this.#archives.has(name))
    if (archive?.removed !== null || !isFree) {
      this.#complain(seq, act, "redacts what no archive has: it changes no archive")
      return
    }
    this.#archives.delete(archive.name)
    const { location, bytes, manifest } = to
    this.#archives.set(name, {
      ...archive,
      name,
      location: word(location),
      bytes: word(bytes),
      manifest: word(manifest),
    })
  }

  /** The one that an act names by its name and by the act of its purge. */
  named(given: Parameters): ArchivedPurge | undefined {
    const archive = this.#archives.get(word(given.archive))
    return archive?.act === word(given.purge) ? archive : undefined
  }

  #complain(seq: string, act: TextRow, what: string): void {
    this.vain.push({ seq, message: `act ${seq} ${what}`, hash: act.hash?.slice(2) ?? "" })
  }
}
