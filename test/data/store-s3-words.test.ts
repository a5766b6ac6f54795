// What an S3 server is sent, and what is said of what it refuses.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { openBucket } from "../../src/data/store/s3.js"
import { createClient } from "../../src/data/store/s3-client.js"
import { sign } from "../../src/data/store/s3-sign.js"
import type { S3Settings, Store } from "../../src/data/store/store.js"
import { type Fate, type S3Server, startS3 } from "./s3-server.js"
import { failureOf, keys, text } from "./store-fixture.js"

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

const refusals: readonly (readonly [Fate & { answer: number }, string, RegExp, RegExp])[] = [
  [{ answer: 403, code: "AccessDenied" }, "privilege", /access denied/, /s3:PutObject/],
  [
    { answer: 403, code: "InvalidAccessKeyId" },
    "authentication",
    /does not know the key/,
    /AWS_ACCESS_KEY_ID/,
  ],
  [
    { answer: 403, code: "SignatureDoesNotMatch" },
    "authentication",
    /secret is not that/,
    /AWS_SECRET_ACCESS_KEY/,
  ],
  [{ answer: 400, code: "ExpiredToken" }, "authentication", /credentials have expired/, /new ones/],
  [
    {
      answer: 403,
      code: "RequestTimeTooSkewed",
      headers: { date: new Date(Date.now() - 3_600_000).toUTCString() },
    },
    "config",
    /clock is wrong: 60 minutes ahead of/,
    /set the clock/,
  ],
  [{ answer: 404, code: "NoSuchBucket" }, "not-found", /no bucket audit at 127/, /check its name/],
  [
    { answer: 301, code: "PermanentRedirect", headers: { "x-amz-bucket-region": "eu-west-1" } },
    "config",
    /bucket audit is in the region eu-west-1, and us-east-1 was asked/,
    /AWS_REGION=eu-west-1/,
  ],
  [
    {
      answer: 400,
      code: "AuthorizationHeaderMalformed",
      body: "<Error><Code>AuthorizationHeaderMalformed</Code><Region>garage</Region></Error>",
    },
    "config",
    /is in the region garage/,
    /AWS_REGION=garage/,
  ],
  [{ answer: 507, code: "XMinioStorageFull" }, "disk-full", /no space left/, /free space/],
  [{ answer: 200, body: "<html>hello</html>" }, "server", /answered as no S3 server does/, /S3 server/],
  [{ answer: 503, code: "SlowDown" }, "unreachable", /503( SlowDown)?, 4 times/, /again later/],
]

describe("what a server refuses", () => {
  test.each(refusals)("is said in plain words %#", async (fate, code, message, hint) => {
    const store = open()
    server.fate = () => fate
    const isPage = fate.answer === 200
    const tried = isPage
      ? [await failureOf(keys(store))]
      : [
          await failureOf(store.put("name/a.txt", text("a"))),
          await failureOf(store.size("name/a.txt")),
          await failureOf(keys(store)),
        ]
    // Without a bucket, a put finds out when it puts.
    for (const error of tried) {
      expect(error).toMatchObject({ code, message: expect.stringMatching(message) })
      expect(error.message).toContain(`s3://audit/tests/${places}`)
      expect(JSON.stringify([error.message, error.hint])).not.toMatch(/AKIA|SECRET(?!_)|S3RVER/)
    }
    expect(tried[0]?.hint).toMatch(isPage ? /S3 server/ : hint)
    await store.close()
  })

  test("by megabytes that never end a tag is read no further than it matters", async () => {
    const store = open()
    for (const answer of [400, 200]) {
      server.fate = () => ({ answer, body: `${" ".repeat(3_000_000)}${"<Code ".repeat(800_000)}` })
      const began = performance.now()
      expect(await failureOf(keys(store))).toMatchObject({ code: "server" })
      expect(performance.now() - began).toBeLessThan(8_000)
    }
    await store.close()
  })

  test("by pages without end, none of which has anything in it, is no list", async () => {
    const store = open()
    server.fate = () => ({
      answer: 200,
      body: `<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>${server.seen.length}</NextContinuationToken></ListBucketResult>`,
    })
    expect(await failureOf(keys(store))).toMatchObject({
      code: "server",
      message: expect.stringMatching(/answered as no S3 server does/),
    })
    expect(server.seen.length).toBeLessThan(40)
    await store.close()
  })

  test("by silence ends with the signal of whoever only looks", async () => {
    const controller = new AbortController()
    const { location } = open()
    const silent = { ...server.settings, patience: { attempts: 6, pause: 1, silence: 60_000 } }
    const store = openBucket(location, silent, controller.signal)
    server.fate = () => {
      controller.abort(new Error("stopped"))
      return "silence"
    }
    await expect(keys(store)).rejects.toThrow()
    await expect(store.size("name/a.txt")).rejects.toThrow()
    await expect(store.get("name/a.txt")).rejects.toThrow()
    await store.close()
  })

  test("of a server that is not there, its name and what to check", async () => {
    const gone = open({ endpoint: "http://127.0.0.1:1", patience: { attempts: 2, pause: 1, silence: 100 } })
    const { code, message, hint } = await failureOf(gone.put("name/a.txt", text("a")))
    expect([code, message]).toEqual([
      "unreachable",
      expect.stringContaining("127.0.0.1:1 cannot be reached: nothing listens there"),
    ])
    expect(hint).toMatch(/^nothing was stored under that name; .*AWS_ENDPOINT_URL_S3/)
    await gone.close()
  })

  test("never has a secret in it, whatever is inspected", async () => {
    const { inspect } = await import("node:util")
    const secret = "wJalrXUtnFEMIbPxRfiCYEXAMPLEKEY"
    const store = open({ secretAccessKey: secret, sessionToken: "TOKENTOKENTOKEN" })
    server.fate = () => ({ answer: 403, code: "SignatureDoesNotMatch" })
    const error = await failureOf(store.put("name/a.txt", text("a")))
    expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/wJalr|TOKENTOKEN|S3RVER|AKIA/)
    await store.close()
  })
})

describe("a request", () => {
  // Examples of Amazon's own description of Signature Version 4.
  const by = {
    accessKeyId: "AKIAIOSFODNN7EXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    region: "us-east-1",
  }
  const host = "examplebucket.s3.amazonaws.com"
  const time = new Date("2013-05-24T00:00:00Z")
  test.each([
    [
      "GET",
      "/test.txt",
      {},
      { range: "bytes=0-9" },
      undefined,
      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ],
    [
      "PUT",
      "/test%24file.text",
      {},
      { date: "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY" },
      Buffer.from("Welcome to Amazon S3."),
      "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ],
    [
      "GET",
      "/",
      { lifecycle: "" },
      {},
      undefined,
      "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ],
    [
      "GET",
      "/",
      { prefix: "J", "max-keys": "2" },
      {},
      undefined,
      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ],
  ])("is signed as Amazon signs it: %s %s", (method, path, query, headers, body, signature) => {
    const { authorization } = sign(
      {
        method,
        path,
        query: query as Record<string, string>,
        headers: headers as Record<string, string>,
        body,
        host,
      },
      by,
      time,
    )
    expect(authorization).toMatch(new RegExp(`Signature=${signature}$`))
  })

  test("brings a session token, signed", async () => {
    server.fate = () => ({ answer: 200, body: "<ListBucketResult></ListBucketResult>" })
    const store = open({ sessionToken: "tok/en+=" })
    await keys(store)
    expect(server.seen.at(-1)).toMatchObject({
      url: expect.stringMatching(/^\/audit\?/),
      headers: {
        "x-amz-security-token": "tok/en+=",
        authorization: expect.stringContaining("x-amz-security-token"),
      },
    })
    await store.close()
  })

  test.each<[string, Partial<S3Settings>, string]>([
    ["audit", {}, "audit.s3.eu-west-1.amazonaws.com"],
    ["audit", { region: "cn-north-1" }, "audit.s3.cn-north-1.amazonaws.com.cn"],
    // A certificate for *.HOST is none for a.b.HOST.
    ["au.dit", {}, "s3.eu-west-1.amazonaws.com"],
    ["audit", { addressing: "path" }, "s3.eu-west-1.amazonaws.com"],
    ["audit", { endpoint: "https://minio.example.com:9000" }, "minio.example.com:9000"],
    ["audit", { endpoint: "https://oss.example.com", addressing: "virtual" }, "audit.oss.example.com"],
  ])("for the bucket %s with %j goes to %s", (bucket, settings, host) => {
    const client = createClient(bucket, { ...by, region: "eu-west-1", ...settings })
    expect(client.server).toBe(host)
    client.close()
  })
})
