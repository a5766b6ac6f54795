// A store in a bucket of S3, or of a server that speaks as S3 does.
import { bucketAndPrefix } from "./location.js"
import { type Asked, createClient } from "./s3-client.js"
import { copyObject } from "./s3-copy.js"
import { headOf, isMissing, staysOf } from "./s3-head.js"
import { objects, uploads } from "./s3-list.js"
import { endUpload, putObject } from "./s3-put.js"
import { read } from "./s3-read.js"
import { type S3Verb, wordsOf } from "./s3-words.js"
import {
  checkKey,
  existsAlready,
  isKey,
  notFound,
  type S3Settings,
  type Store,
  type StoredObject,
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
  async function* walk(pages: AsyncIterable<StoredObject>): AsyncGenerator<StoredObject> {
    const found = await saying("list", location, async () => {
      const own: StoredObject[] = []
      for await (const { key: whole, bytes, modified } of pages) {
        const key = whole.slice(prefix.length)
        // What others keep in the bucket is none of these.
        if (whole.startsWith(prefix) && isKey(key)) own.push({ key, bytes, modified })
      }
      return own
    })
    yield* found.sort((one, other) => (one.key < other.key ? -1 : 1))
  }

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
    get: (key, { signal = stop } = {}) =>
      saying("read", shown(key), async () => {
        const asked: Asked = { method: "GET", key: full(key), signal }
        const answer = await client.open(asked).catch((error) => {
          throw isMissing(error) ? notFound(shown(key)) : error
        })
        return read(client, asked, answer, shown(key))
      }),
    size: (key) =>
      saying("read", shown(key), async () => {
        const head = await headOf(client, full(key), { signal: stop, sure: true })
        return head?.bytes
      }),
    list: (start) => walk(objects(client, `${prefix}${start}`, stop)),
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
    close: async () => client.close(),
  }
}
