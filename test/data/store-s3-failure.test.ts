// A bucket behind a server that fails, delays, cuts, and carries out what nobody hears of: a file is whole or not there.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { openBucket } from "../../src/data/store/s3.js"
import type { S3Settings, Store } from "../../src/data/store/store.js"
import {
  type Fate,
  isBegin,
  isComplete,
  isPart,
  isPut,
  type S3Server,
  type Seen,
  startS3,
} from "./s3-server.js"
import { begun, content, digest, failureOf, keys, text } from "./store-fixture.js"

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

const fates: readonly (readonly [string, (seen: Seen) => boolean, Fate])[] = [
  ["HEAD", ({ method }) => method === "HEAD", { answer: 500, code: "InternalError" }],
  ["HEAD", ({ method }) => method === "HEAD", "reset"],
  ["PUT", isPut, { answer: 503, code: "SlowDown" }],
  ["PUT", isPut, { answer: 429 }],
  ["PUT", isPut, { answer: 409, code: "ConditionalRequestConflict" }],
  ["PUT", isPut, { answer: 400, code: "RequestTimeout" }],
  ["PUT", isPut, "reset"],
  ["PUT", isPut, "lose"],
  ["PUT", isPut, "silence"],
  ["beginning", isBegin, { answer: 500, code: "InternalError" }],
  ["beginning", isBegin, "lose"],
  ["part", isPart, { answer: 503, code: "SlowDown" }],
  ["part", isPart, "reset"],
  ["part", isPart, "lose"],
  ["part", isPart, "twice"],
  ["part", isPart, "silence"],
  ["completion", isComplete, { answer: 500, code: "InternalError" }],
  ["completion", isComplete, { answer: 200, code: "InternalError" }],
  ["completion", isComplete, "reset"],
  ["completion", isComplete, "lose"],
  ["completion", isComplete, { cut: 10 }],
]

/** Only a large file has parts. */
const sizesOf = (kind: string): readonly number[] =>
  kind === "HEAD" ? [1000, 400_000] : kind === "PUT" ? [1000] : [400_000]

describe("a server that fails", () => {
  test.each(fates)(
    "once at a %s %# is asked again: it is stored whole, once",
    async (kind, isMeant, fate) => {
      const store = open(fate === "silence" ? { patience: { attempts: 3, pause: 1, silence: 400 } } : {})
      for (const size of sizesOf(kind)) {
        server.fate = (seen, before) => (isMeant(seen) && before === 0 ? fate : undefined)
        expect(await store.put(`name/${size}.bin`, content(size))).toBe(BigInt(size))
        server.quiet()
        expect(await digest(await store.get(`name/${size}.bin`))).toBe(await digest(content(size)))
      }
      expect([await begun(store), await server.unfinished()]).toEqual([[], []])
      await store.close()
    },
  )

  test.each(fates.filter(([kind, , fate]) => fate !== "twice" && !(kind === "part" && fate === "silence")))(
    "always at a %s %# leaves nothing",
    async (kind, isMeant, fate) => {
      const store = open(fate === "silence" ? { patience: { attempts: 3, pause: 1, silence: 400 } } : {})
      const done: string[] = []
      for (const size of sizesOf(kind)) {
        server.fate = (seen) => (isMeant(seen) ? fate : undefined)
        await store.put(`name/${size}.bin`, content(size)).then(
          () => done.push(`name/${size}.bin`),
          (error) =>
            expect(error).toMatchObject({
              name: "TrailError",
              hint: expect.stringContaining("nothing was stored"),
            }),
        )
        server.quiet()
      }
      // Those were carried out, though no answer ever came, or are of the other size.
      expect(await keys(store)).toEqual(done)
      for (const key of done) {
        const size = Number(/\d+/.exec(key)?.[0])
        expect(await digest(await store.get(key))).toBe(await digest(content(size)))
      }
      expect([await begun(store), await server.unfinished()]).toEqual([[], []])
      await store.close()
    },
  )

  test("and cuts every answer is read to the end, and no byte twice", async () => {
    const store = open()
    await store.put("name/a.bin", content(1_000_000))
    server.fate = ({ method }) => (method === "GET" ? { cut: 300_000 } : undefined)
    expect(await digest(await store.get("name/a.bin"))).toBe(await digest(content(1_000_000)))
    expect(server.seen.filter(({ headers }) => headers.range !== undefined).length).toBeGreaterThan(1)
    server.fate = ({ method }) => (method === "GET" ? { cut: 0 } : undefined)
    const { code, message } = await failureOf(digest(await store.get("name/a.bin")))
    expect([code, message]).toEqual(["unreachable", expect.stringContaining("name/a.bin: ")])
    await store.close()
  })

  test("is not believed when another object is there than was begun to be read", async () => {
    const store = open()
    await store.put("name/a.bin", content(1_000_000))
    let isOther = false
    server.fate = ({ method, headers }) => {
      if (method !== "GET") return undefined
      if (isOther && headers["if-match"] !== undefined) return { answer: 412, code: "PreconditionFailed" }
      isOther = true
      return { cut: 300_000 }
    }
    const { message } = await failureOf(digest(await store.get("name/a.bin")))
    expect(message).toContain("was changed or removed while it was read")
    await store.close()
  })

  test("and does not say whether it stored is not taken for either", async () => {
    const store = open()
    let isDown = false
    server.fate = (seen) => {
      if (isPut(seen)) isDown = true
      return isDown ? "reset" : undefined
    }
    const { code, message, hint } = await failureOf(store.put("name/a.txt", text("a")))
    expect([code, message]).toEqual([
      "unreachable",
      expect.stringMatching(/^whether s3:.* was stored is not known/),
    ])
    expect(hint).toContain("see whether it is there")
    await store.close()
  })
})
