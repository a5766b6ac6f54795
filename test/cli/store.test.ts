// Where files are kept, as it is typed, and the keys of S3 from the variables and files that other programs use.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { knownSecrets, redact } from "../../src/cli/redact.js"
import { s3Settings, storeContext } from "../../src/cli/store.js"
import { bucketAndPrefix, pathOf, readLocation } from "../../src/data/store/location.js"
import { openStore } from "../../src/data/store/store.js"

const base = mkdtempSync(join(tmpdir(), "pgtrail-keys-"))
afterAll(() => rmSync(base, { recursive: true, force: true }))

describe("a place", () => {
  test.each([
    ["/mnt/worm", "file:///mnt/worm"],
    ["archive", "file:///srv/archive"],
    ["./archive/", "file:///srv/archive"],
    ["../a b#c?d%e", "file:///a%20b%23c%3Fd%25e"],
    ["a:b/c", undefined],
    ["./a:b/c", "file:///srv/a:b/c"],
    ["file:///mnt/worm/", "file:///mnt/worm"],
    ["FILE:///mnt/../worm", "file:///worm"],
    ["file://localhost/mnt", "file:///mnt"],
    ["file://host/mnt", undefined],
    ["file:mnt", undefined],
    ["file:///mnt?x", undefined],
    ["file:///mnt%00", undefined],
    ["table:", "table:"],
    ["table:x", undefined],
    ["", undefined],
    [" ", undefined],
    ["a\nb", undefined],
    ["s3://audit", "s3://audit"],
    ["s3://audit/", "s3://audit"],
    ["S3://audit/pg/trail/", "s3://audit/pg/trail"],
    ["s3://audit/a=1/b+c", "s3://audit/a=1/b+c"],
    ["s3:audit", undefined],
    ["s3://", undefined],
    ["s3:///prefix", undefined],
    ["s3://a..b/x", undefined],
    ["s3://audit/../x", undefined],
    ["s3://audit/a//b", undefined],
    ["s3://audit/a b", undefined],
    ["s3://audit/a?b", undefined],
    ["https://s3.amazonaws.com/audit", undefined],
  ])("%j is %j", (typed, location) => {
    if (location !== undefined) {
      expect(readLocation(typed, "/srv")).toBe(location)
      expect(readLocation(location, "/")).toBe(location)
    } else {
      expect(() => readLocation(typed, "/srv")).toThrow(
        expect.objectContaining({ code: "usage", hint: expect.stringContaining("nothing was done") }),
      )
    }
  })

  test("names a path, or a bucket and what its keys begin with", () => {
    expect(pathOf(readLocation("../a b#c?d%e", "/srv"))).toBe("/a b#c?d%e")
    expect(bucketAndPrefix("s3://audit/pg/trail")).toEqual(["audit", "pg/trail/"])
    expect(bucketAndPrefix("s3://audit")).toEqual(["audit", ""])
  })

  test("with keys or a password in it is refused, and never repeated", () => {
    for (const typed of ["s3://AKIAKEY:wJalr@audit/x", "https://user:wJalr@host/x", "ftp://wJalr@x"]) {
      let said = ""
      try {
        readLocation(typed, "/srv")
      } catch (error) {
        said = `${(error as Error).message} ${(error as { hint?: string }).hint}`
      }
      expect(said).toMatch(/^(keys do not belong|unknown kind of place)/)
      expect(said).not.toMatch(/wJalr|AKIAKEY/)
    }
  })

  test("needs no keys where it is no bucket", async () => {
    const io = { env: { HOME: "/nonexistent" } } as never
    const context = storeContext({
      io,
      warn: () => undefined,
      target: () => Promise.reject(new Error("asked")),
    })
    const store = await openStore("file:///mnt", context)
    expect(store.location).toBe("file:///mnt")
    await expect(openStore("s3://audit", context)).rejects.toMatchObject({ code: "config" })
    await expect(openStore("table:", context)).rejects.toThrow("asked")
    await expect(openStore("s3://audit", {})).rejects.toMatchObject({ code: "config" })
  })
})

const home = join(base, "home")
mkdirSync(join(home, ".aws"), { recursive: true })
writeFileSync(
  join(home, ".aws/credentials"),
  `# a comment
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key=SECRETDEFAULT/+=

[ audit ]
AWS_ACCESS_KEY_ID = AKIAAUDIT
aws_secret_access_key = SECRETAUDIT
aws_session_token = TOKENAUDIT
s3 =
    max_concurrent_requests = 1
[half]
aws_access_key_id = AKIAHALF
`,
)
writeFileSync(
  join(home, ".aws/config"),
  "[default]\r\nregion = eu-north-1\r\n[profile  audit]\r\nregion = eu-west-3\r\nendpoint_url = https://minio.example.com:9000\r\n",
)

describe("the keys of S3", () => {
  const settings = (env: Record<string, string>, told: string[] = []) =>
    s3Settings({ HOME: "/nonexistent", ...env }, (text) => told.push(text))
  const keys = { AWS_ACCESS_KEY_ID: "AKIAENV", AWS_SECRET_ACCESS_KEY: "SECRETENV" }

  test("come from the variables", async () => {
    expect(await settings({ ...keys, AWS_REGION: "eu-central-1", AWS_DEFAULT_REGION: "x" })).toEqual({
      accessKeyId: "AKIAENV",
      secretAccessKey: "SECRETENV",
      region: "eu-central-1",
    })
    const temporary = { ...keys, AWS_SESSION_TOKEN: "TOKEN", AWS_DEFAULT_REGION: "eu-west-1" }
    expect(await settings(temporary)).toMatchObject({ sessionToken: "TOKEN", region: "eu-west-1" })
    const other = {
      ...keys,
      AWS_ENDPOINT_URL: "https://a.example.com",
      AWS_ENDPOINT_URL_S3: "http://localhost:9000",
    }
    expect(await settings(other)).toMatchObject({ endpoint: "http://localhost:9000/", region: "us-east-1" })
    expect(await settings({ ...other, PGTRAIL_S3_ADDRESSING: "virtual" })).toMatchObject({
      addressing: "virtual",
    })
  })

  test("come from the shared files, by profile, and the variables come first", async () => {
    expect(await settings({ HOME: home })).toEqual({
      accessKeyId: "AKIADEFAULT",
      secretAccessKey: "SECRETDEFAULT/+=",
      region: "eu-north-1",
    })
    expect(await settings({ HOME: home, AWS_PROFILE: "audit" })).toEqual({
      accessKeyId: "AKIAAUDIT",
      secretAccessKey: "SECRETAUDIT",
      sessionToken: "TOKENAUDIT",
      region: "eu-west-3",
      endpoint: "https://minio.example.com:9000/",
    })
    expect(await settings({ HOME: home, ...keys, AWS_PROFILE: "audit" })).toEqual({
      accessKeyId: "AKIAENV",
      secretAccessKey: "SECRETENV",
      region: "eu-west-3",
      endpoint: "https://minio.example.com:9000/",
    })
    const elsewhere = { AWS_SHARED_CREDENTIALS_FILE: join(home, ".aws/credentials"), AWS_REGION: "x" }
    expect(await settings(elsewhere)).toMatchObject({ accessKeyId: "AKIADEFAULT" })
  })

  test.each<[string, Record<string, string>, RegExp]>([
    ["nothing", {}, /AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set/],
    [
      "no secret",
      { AWS_ACCESS_KEY_ID: "AKIAENV" },
      /AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not/,
    ],
    [
      "no key",
      { AWS_SECRET_ACCESS_KEY: "SECRETENV" },
      /AWS_SECRET_ACCESS_KEY is set, and AWS_ACCESS_KEY_ID is not/,
    ],
    ["no region", keys, /region of the bucket is not known/],
    ["a region that is none", { ...keys, AWS_REGION: "a/b" }, /no name of a region/],
    ["an unknown profile", { HOME: home, AWS_PROFILE: "none" }, /no keys of S3 for the profile "none"/],
    ["half a profile", { HOME: home, AWS_PROFILE: "half" }, /no keys of S3 for the profile "half"/],
    [
      "a password in the endpoint",
      { ...keys, AWS_ENDPOINT_URL: "https://u:SECRETENV@h" },
      /has a user name in it/,
    ],
    ["no URL", { ...keys, AWS_ENDPOINT_URL_S3: "minio:9000" }, /no URL of a web server/],
    [
      "a strange addressing",
      { ...keys, AWS_REGION: "x", PGTRAIL_S3_ADDRESSING: "dns" },
      /neither path nor virtual/,
    ],
  ])("are refused with what is missing and never what is there: %s", async (_, env, message) => {
    const error = await settings(env).then(
      () => undefined,
      (reason) => reason,
    )
    expect(error).toMatchObject({
      name: "TrailError",
      code: "config",
      message: expect.stringMatching(message),
      hint: expect.stringContaining("nothing was done; "),
    })
    expect(`${error.message} ${error.hint}`).not.toMatch(/AKIA|SECRETENV/)
  })

  test("are sent without TLS with a warning, but to this machine", async () => {
    const told: string[] = []
    for (const host of ["localhost:9000", "127.0.0.1", "[::1]:9000", "minio.lan:9000"]) {
      await settings({ ...keys, AWS_ENDPOINT_URL: `http://${host}` }, told)
    }
    expect(told).toEqual([expect.stringMatching(/^requests to minio.lan:9000 without TLS/)])
  })

  test("are taken out of every message", () => {
    const env = { ...keys, AWS_SESSION_TOKEN: "TOKENTOKEN" }
    expect(redact("SECRETENV, TOKENTOKEN", knownSecrets(env, []))).toBe("***, ***")
  })

  test("in a file that cannot be read are no keys that are missing", async ({ skip }) => {
    skip(process.getuid?.() === 0, "root may read everything")
    const path = join(base, "closed")
    writeFileSync(path, "")
    chmodSync(path, 0)
    await expect(settings({ AWS_SHARED_CREDENTIALS_FILE: path })).rejects.toThrow("permission denied")
  })
})
