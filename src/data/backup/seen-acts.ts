// What a backup's acts say of themselves as they pass by: the newest, the newest checkpoint, and the newest migration.
import { readParameters, word } from "../act/about.js"
import type { TextRow } from "../canonical.js"
import type { BackupManifest } from "./manifest.js"

/** Also of acts that were moved to an organization. */
export class SeenActs {
  #newest: TextRow | undefined
  #checkpoint: TextRow | undefined
  #migration: TextRow | undefined

  async *of(acts: AsyncIterable<TextRow>): AsyncGenerator<TextRow> {
    const isAfter = (act: TextRow, than: TextRow | undefined): boolean =>
      BigInt(act.seq ?? "0") > BigInt(than?.seq ?? "-1")
    for await (const act of acts) {
      if (isAfter(act, this.#newest)) this.#newest = act
      if (act.kind === "checkpoint" && isAfter(act, this.#checkpoint)) this.#checkpoint = act
      if (act.kind === "migrate" && isAfter(act, this.#migration)) this.#migration = act
      yield act
    }
  }

  /** What a comparison of the catalog needs of it. */
  get migration() {
    if (this.#migration === undefined) return undefined
    const given = readParameters(this.#migration.parameters)
    const text = (name: string): string | null => (word(given[name]) === "" ? null : word(given[name]))
    return {
      digest: this.#migration.digest?.slice(2) ?? null,
      tool_version: text("tool_version"),
      code_checksum: text("code_checksum"),
      catalog_checksum: text("catalog_checksum"),
    }
  }

  /** What the manifest says of them and they do not, in words that go on from its name. */
  against({ act, checkpoint }: Pick<BackupManifest, "act" | "checkpoint">): string[] {
    const [newest, signed] = [this.#newest, this.#checkpoint]
    const isOther =
      checkpoint?.act !== signed?.seq ||
      (checkpoint !== null &&
        (checkpoint.digest !== (signed?.digest?.slice(2) ?? "") ||
          momentOf(checkpoint.recorded_at) !== momentOf(signed?.recorded_at ?? "")))
    return [
      ...(act?.seq !== newest?.seq || act?.hash !== newest?.hash?.slice(2)
        ? ["tells of another newest act than the backup has"]
        : []),
      ...(isOther ? ["tells of another checkpoint than the newest that the backup has"] : []),
    ]
  }
}

/** A manifest has a time as JSON writes it, a file as COPY does. */
const momentOf = (time: string): string =>
  time
    .replace("T", " ")
    .replace(/(?:Z|\+00(?::00)?)$/, "")
    .replace(/(\.\d*?)0+$/, "$1")
    .replace(/\.$/, "")
