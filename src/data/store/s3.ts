// A store in a bucket of S3, or of a server that speaks as S3 does.
import { bucketAndPrefix } from "./location.js"
import { type Asked, createClient } from "./s3-client.js"
import { copyObject } from "./s3-copy.js"
import { headOf, isMissing, staysOf } from "./s3-head.js"
import { keptOf } from "./s3-kept.js"
import { objects, uploads } from "./s3-list.js"
import { endUpload, putObject } from "./s3-put.js"
import { read } from "./s3-read.js"
import { type S3Verb, wordsOf } from "./s3-words.js"
import {
  checkKey,
  existsAlready,
  isKey,
  type ListOptions,
  notFound,
  type S3Settings,
  type Store,
  type StoredObject,
  type StrangeKind,
} from "./store.js"

/** What only looks ends with the signal; what removes or cleans up is done to its end. */
export function openBucket(location: string, settings: S3Settings, stop?: AbortSignal): Store {
  const [bucket, prefix] = bucketAndPrefix(location)
  const client = createClient(bucket, settings)
  const shown = (key: string): string => `${location}/${key}`
  const full = (key: string): string => `${prefix}${checkKey(key).join("/")}`

  async function saying<T>(verb: S3Verb, what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw wordsOf(error, verb, what, client)
    }
  }

  /** Not every server lists in the order of the keys. */
  async function* walk(
    pages: AsyncIterable<StoredObject>,
    { strange }: ListOptions = {},
  ): AsyncGenerator<StoredObject> {
    const found = await saying("list", location, async () => {
      const own: StoredObject[] = []
      for await (const { key: whole, bytes, modified } of pages) {
        const key = whole.slice(prefix.length)
        if (!whole.startsWith(prefix)) continue
        if (isKey(key)) own.push({ key, bytes, modified })
        else if (!isMarker(key, bytes)) strange?.(key.replace(/\/$/, ""), strangeKind(key, bytes))
      }
      return own
    })
    yield* found.sort((one, other) => (one.key < other.key ? -1 : 1))
  }

  const got = (key: string, signal = stop, query: Record<string, string> = {}) =>
    saying("read", shown(key), async () => {
      const asked: Asked = { method: "GET", key: full(key), query, signal }
      const answer = await client.open(asked).catch((error) => {
        throw isMissing(error) ? notFound(shown(key)) : error
      })
      return read(client, asked, answer, shown(key))
    })

  return {
    location,
    put: (key, content, { signal } = {}) =>
      saying("write", shown(key), async () => {
        const { partBytes } = settings
        const bytes = await putObject(client, full(key), content, { signal, partBytes })
        if (bytes === "exists") throw existsAlready(shown(key))
        return bytes
      }),
    async link(from, key, { signal } = {}) {
      const { partBytes } = settings
      const done = await saying("write", shown(key), () =>
        copyObject(client, full(from), full(key), { signal, partBytes }),
      )
      if (done === "missing") throw notFound(shown(from))
      if (done === "exists") throw existsAlready(shown(key))
      // Of a server that copies nothing itself it goes through here.
      if (done === "unable") await this.put(key, await this.get(from, { signal }), { signal })
    },
    get: (key, { signal } = {}) => got(key, signal),
    size: (key) =>
      saying("read", shown(key), async () => {
        const head = await headOf(client, full(key), { signal: stop, sure: true })
        return head?.bytes
      }),
    list: (start, options) => walk(objects(client, `${prefix}${start}`, stop), options),
    unfinished: (start) => walk(uploads(client, `${prefix}${start}`, stop)),
    remove: (key) =>
      saying("remove", shown(key), async () => {
        await client.ask({ method: "DELETE", key: full(key) }).catch((error) => {
          if (!isMissing(error)) throw error
        })
        for await (const upload of uploads(client, full(key))) {
          if (upload.key === full(key)) await endUpload(client, upload.key, upload.upload)
        }
      }),
    stays: (key) => saying("read", shown(key), () => staysOf(client, full(key), stop)),
    kept: (name, beside) =>
      saying("list", shown(name), async () => {
        const kept = await keptOf(client, `${prefix}${name}/`, full(beside), stop)
        if (kept?.versions === undefined) return kept
        const { stays, versions } = kept
        const get: Store["get"] = async (key, { signal } = {}) => {
          const versionId = versions.get(full(key))
          if (versionId === undefined) throw notFound(shown(key))
          return got(key, signal, { versionId })
        }
        return { stays, get }
      }),
    close: async () => client.close(),
  }
}

/** An empty object with a slash behind its name is how consoles and mounts write a folder. */
const strangeKind = (key: string, bytes: bigint): StrangeKind =>
  key.endsWith("/") && bytes === 0n ? "folder" : "file"

/** That of the folder NAME itself. */
const isMarker = (key: string, bytes: bigint): boolean => /^[^/]+\/$/.test(key) && bytes === 0n
