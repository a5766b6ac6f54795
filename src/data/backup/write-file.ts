// Writes one file of a backup: compressed, encrypted where there are recipients, and summed up at each step on the way.
import { encrypted } from "../archive/age.js"
import { gzipped, Sum, summed } from "../archive/compress.js"
import type { Store } from "../store/store.js"
import type { BackupFile } from "./manifest.js"

export interface FileOptions {
  readonly level: number
  /** None for a list, which is never encrypted. */
  readonly recipients: readonly string[]
  readonly signal?: AbortSignal | undefined
}

/** `stem`: its name without what tells that it is compressed and encrypted. Whole and durable when it resolves, and nothing when it throws. */
export async function writeFile(
  store: Store,
  folder: string,
  stem: string,
  text: AsyncIterable<Uint8Array>,
  { level, recipients, signal }: FileOptions,
): Promise<BackupFile> {
  const [plain, gzip, age] = [new Sum(), new Sum(), new Sum()]
  const compressed = summed(gzipped(summed(text, plain), level), gzip)
  const isEncrypted = recipients.length > 0
  const content = isEncrypted ? summed(encrypted(compressed, recipients), age) : compressed
  const name = fileName(stem, isEncrypted)
  await store.put(`${folder}/${name}`, content, { signal })
  return {
    name,
    text: plain.finish(),
    gzip: { ...gzip.finish(), level },
    age: isEncrypted ? { ...age.finish(), recipients } : null,
  }
}

export const fileName = (stem: string, isEncrypted: boolean): string =>
  `${stem}.copy.gz${isEncrypted ? ".age" : ""}`

/** Of names that differ in more than their letters' case, and mean the same to every file system; what is none of these is numbered. */
export function stemsOf(names: readonly string[]): ReadonlyMap<string, string> {
  let numbered = 0
  return new Map(
    names.map((name) => {
      const isPlain = /^[a-z0-9_]{1,63}$/.test(name) && !reserved.has(name)
      if (!isPlain) numbered += 1
      return [name, isPlain ? name : `table-${numbered}`]
    }),
  )
}

const reserved: ReadonlySet<string> = new Set(["heads", "runs"])
