// A store in a bucket.
import { S3mini } from "s3mini"
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { openBucket } from "../../src/data/store/s3.js"
import { openStore, type S3Settings, type Store } from "../../src/data/store/store.js"
import { isAbort, type S3Server, startS3 } from "./s3-server.js"
import { begun, broken, content, failureOf, itIsAStore, keys, read, text } from "./store-fixture.js"

let server: S3Server
let places = 0
beforeAll(async () => {
  server = await startS3()
})
afterEach(() => server.quiet())
afterAll(() => server.close())

/** A prefix for each test. */
function open(settings: Partial<S3Settings> = {}): Store {
  places += 1
  return openBucket(`s3://${server.bucket}/tests/${places}`, { ...server.settings, ...settings })
}

describe("a bucket", () => {
  itIsAStore(async () => open())

  test("is opened by its location, with a prefix or without", async () => {
    const whole = await openStore(`s3://${server.bucket}`, { s3: async () => server.settings })
    const deep = await openStore(`s3://${server.bucket}/deep/a=1+b@c:d~e`, { s3: server.settings })
    await deep.put("name/a.txt", text("deep"))
    await whole.put("name/a.txt", text("whole"))
    expect(await keys(whole, "name/")).toEqual(["name/a.txt"])
    expect(await keys(deep)).toEqual(["name/a.txt"])
    expect(await read(deep, "name/a.txt")).toBe("deep")
    await whole.close()
    await deep.close()
  })

  test("does no harm to a reading that was left, or never begun", async () => {
    const store = open()
    await store.put("name/a.bin", content(700_000))
    const stop = new AbortController()
    await store.get("name/a.bin")
    await store.get("name/a.bin", { signal: stop.signal })
    for await (const _ of await store.get("name/a.bin")) break
    stop.abort("SIGINT")
    await store.close()
  })

  test("can be read by another client", async () => {
    const store = open()
    await store.put("name/a.bin", content(700_000))
    const { accessKeyId, secretAccessKey, region, endpoint } = server.settings
    const other = new S3mini({
      accessKeyId,
      secretAccessKey,
      region,
      endpoint: `${endpoint}/${server.bucket}`,
    })
    expect(await other.getContentLength(`tests/${places}/name/a.bin`)).toBe(700_000)
    const found = await other.listObjects("/", `tests/${places}/`)
    expect(found?.map(({ Key }) => Key)).toEqual([`tests/${places}/name/a.bin`])
    await store.close()
  })

  test("lists page by page, and only what is a store's", async () => {
    const store = open()
    const names = Array.from({ length: 7 }, (_, number) => `name-${number}/a.txt`)
    for (const name of names) await store.put(name, text(name))
    const { accessKeyId, secretAccessKey, region, endpoint } = server.settings
    const other = new S3mini({
      accessKeyId,
      secretAccessKey,
      region,
      endpoint: `${endpoint}/${server.bucket}`,
    })
    await other.putObject(`tests/${places}/name-3/deep/er.txt`, "x")
    await other.putObject(`tests/${places}/other's & <b>.txt`, "x")
    let pages = 0
    server.fate = ({ url }) => {
      if (!url.includes("list-type")) return undefined
      pages += 1
      return pages === 2 ? { answer: 503, code: "SlowDown" } : undefined
    }
    expect(await keys(store)).toEqual(names)
    // s3rver makes pages as small as it is asked to; this is what a server's own pages come to.
    const page = (from: number, to: number, next: string) =>
      `<ListBucketResult>${names
        .slice(from, to)
        .map(
          (name) =>
            `<Contents><Key>tests/${places}/${name}</Key><Size>1</Size><LastModified>x</LastModified></Contents>`,
        )
        .join(
          "",
        )}<IsTruncated>${next !== ""}</IsTruncated><NextContinuationToken>${next}</NextContinuationToken></ListBucketResult>`
    server.fate = ({ url }) => ({
      answer: 200,
      body: url.includes("continuation-token=a%2B%26") ? page(3, 7, "") : page(0, 3, "a+&amp;"),
    })
    expect(await keys(store)).toEqual(names)
    await store.close()
  })

  test("never keeps an upload that somebody else was first to finish, on servers without conditions either", async () => {
    const store = open()
    for (const isOld of [false, true]) {
      server.isOld = isOld
      const key = `name/${isOld}.bin`
      async function* slow(): AsyncGenerator<Uint8Array> {
        yield* content(700_000)
        await store.put(`${key}`, text("first")).catch(() => undefined)
        yield* content(100)
      }
      const late = store.put(key, slow())
      if (!isOld) {
        expect((await failureOf(late)).code).toBe("exists")
        expect(await read(store, key)).toBe("first")
      } else expect(await late).toBe(700_100n)
      expect((await failureOf(store.put(key, text("later")))).code).toBe("exists")
    }
    expect(await begun(store)).toEqual([])
    await store.close()
  })

  test("takes away what a killed process had begun, and lists it meanwhile", async () => {
    const store = open()
    server.fate = (seen) => (isAbort(seen) ? { answer: 403, code: "AccessDenied" } : undefined)
    await expect(store.put("name/a.bin", broken(700_000))).rejects.toThrow("the source broke")
    expect([await keys(store), await begun(store)]).toEqual([[], ["name/a.bin"]])
    server.quiet()
    await store.remove("name/a.bin")
    expect([await begun(store), await server.unfinished()]).toEqual([[], []])
    await store.close()
  })
})
