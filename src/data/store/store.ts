// Where files are kept that the log does not hold itself: a folder, a table or a bucket, behind one small interface.
import type { ConnectionTarget } from "../connection.js"
import { TrailError } from "../errors.js"

export interface StoredObject {
  readonly key: string
  readonly bytes: bigint
  /** UTC, as the store tells it. */
  readonly modified: string
}

export interface StoreOptions {
  readonly signal?: AbortSignal | undefined
}

export interface ListOptions {
  /** Called for a folder within the store that may not be read, which is then passed over; without it the list fails there. */
  readonly closed?: ((name: string, error: TrailError) => void) | undefined
  /** Called for what lies under that prefix and has no key: no store put it there, or it is not whole. Its path as it lies there. */
  readonly strange?: ((path: string, kind: StrangeKind) => void) | undefined
}

export type StrangeKind = "file" | "folder" | "link" | "other"

/** A key is NAME/FILE. Nothing is ever written over, and what is half written has no key. */
export interface Store {
  readonly location: string
  /**
   * How many bytes it took. Whole and durable when it resolves; when it throws, nothing is left under that key. Throws TrailError
   * `exists` where something is there already.
   */
  put(key: string, content: AsyncIterable<Uint8Array>, options?: StoreOptions): Promise<bigint>
  /**
   * Gives what lies under one key another key too, without its bytes passing through here where the store can do that; removing one
   * leaves the other. Throws TrailError `not-found`, `exists`.
   */
  link(from: string, key: string, options?: StoreOptions): Promise<void>
  /** Throws TrailError `not-found`. What it returns is to be read to its end, or its reading ended. */
  get(key: string, options?: StoreOptions): Promise<AsyncIterable<Uint8Array>>
  size(key: string): Promise<bigint | undefined>
  /** Those whose key begins with it, in the order of their keys. */
  list(prefix: string, options?: ListOptions): AsyncIterable<StoredObject>
  /** What a process that was killed left of a `put`: its key, as it was to be; 0 bytes where nobody tells. `remove` takes it away. */
  unfinished(prefix: string, options?: ListOptions): AsyncIterable<StoredObject>
  /** Also what was begun under that key and never finished. Gone already is fine. */
  remove(key: string): Promise<void>
  /** Why what lies under that key would stay though it were to go, as far as that can be told without a try; it changes nothing. */
  stays(key: string): Promise<Stays | undefined>
  /**
   * Bytes of what had that name and was removed, where a store can keep them; `beside` is a key that is there, by which it tells whether it
   * does. Undefined where it has none.
   */
  kept?(name: string, beside: string): Promise<KeptBytes | undefined>
  close(): Promise<void>
}

export interface KeptBytes {
  readonly stays: Stays
  /** Reads them; missing where nobody may. */
  readonly get?: Store["get"]
}

/** In words. */
export interface Stays {
  readonly why: string
  /** `remove` does not fail: the name goes, and the bytes stay. */
  readonly isNameless: boolean
  readonly next: string
}

export interface S3Settings {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of temporary credentials. */
  readonly sessionToken?: string | undefined
  readonly region: string
  /** Another server than Amazon's: http://HOST:PORT or https://HOST. */
  readonly endpoint?: string | undefined
  /** Whether the bucket stands in the path or before the host; by default before Amazon's, and in the path of every other. */
  readonly addressing?: "path" | "virtual" | undefined
  /** Of a large file; memory for two of them is needed. At least 5 MiB, 16 by default. */
  readonly partBytes?: number | undefined
  readonly patience?: Patience | undefined
}

/** How long to put up with a server that fails. */
export interface Patience {
  readonly attempts: number
  /** Milliseconds before the second attempt; twice as long before each further one. */
  readonly pause: number
  /** Milliseconds without a byte. */
  readonly silence: number
}

/** What stores need that a location does not say. It is asked for when it is needed, and no earlier. */
export interface StoreContext {
  readonly target?: ConnectionTarget | (() => Promise<ConnectionTarget>) | undefined
  readonly s3?: S3Settings | (() => Promise<S3Settings>) | undefined
  /** Ends what looks at a server; not for who has to clean up there when it is stopped. */
  readonly signal?: AbortSignal | undefined
}

/** `location` as `readLocation` returns it. Connects to nothing yet. */
export async function openStore(location: string, context: StoreContext): Promise<Store> {
  if (location.startsWith("file:")) return (await import("./folder.js")).openFolder(location)
  if (location.startsWith("s3:")) {
    const settings = typeof context.s3 === "function" ? await context.s3() : context.s3
    if (settings === undefined) throw lacking(location, "the settings of S3")
    return (await import("./s3.js")).openBucket(location, settings, context.signal)
  }
  if (location === "table:") {
    const target = typeof context.target === "function" ? await context.target() : context.target
    if (target === undefined) throw lacking(location, "a database")
    return (await import("./table.js")).openTable(target)
  }
  throw new TrailError("usage", "a place is a folder, s3://BUCKET/PREFIX or table:", {
    hint: "nothing was done",
  })
}

const lacking = (location: string, what: string): TrailError =>
  new TrailError("config", `${location} cannot be opened without ${what}`, { hint: "nothing was done" })

const part = "[A-Za-z0-9_][A-Za-z0-9._-]"
const keyForm = new RegExp(`^${part}{0,199}/${part}{0,99}$`)
/** Names of what is not whole yet; no key looks like this. */
const partial = ".partial-"

export const isKey = (text: string): boolean =>
  keyForm.test(text) && !text.includes("..") && !text.includes(partial)

/** Throws TrailError `usage` for whatever could be read as another path, by any system. */
export function checkKey(key: string): readonly [name: string, file: string] {
  if (!isKey(key)) {
    throw new TrailError("usage", `no name of a stored file: ${JSON.stringify(key.slice(0, 320))}`, {
      hint: "nothing was done; it is NAME/FILE, of letters, digits, points, hyphens and underscores",
    })
  }
  const [name = "", file = ""] = key.split("/")
  return [name, file]
}

/** The name under which a file is written. */
export const partialName = (file: string, random: string): string => `${file}${partial}${random}`

/** The file that a name is a part of; undefined for any other name. */
export function wholeName(name: string): string | undefined {
  const [, file] = /^(.+)\.partial-[0-9a-f]{12}$/.exec(name) ?? []
  return file
}

export const existsAlready = (what: string): TrailError =>
  new TrailError("exists", `${what} is there already, and is never written over`, {
    hint: "nothing was changed; take another name, or remove it first",
  })

export const notFound = (what: string): TrailError =>
  new TrailError("not-found", `there is no ${what}`, { hint: "nothing was changed; list what is there" })
