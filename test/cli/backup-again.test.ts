// What a restore says to run next reaches the same database again, and no hint has a password.
import { expect, test } from "vitest"
import { urlAgain } from "../../src/cli/again.js"
import { withUrl } from "../../src/cli/backup-restored.js"
import { TrailError } from "../../src/data/errors.js"
import type { RestoredBackup } from "../../src/data/index.js"

test.each([
  [undefined, ""],
  ["postgresql://admin@host:5433/other", " --url postgresql://admin@host:5433/other"],
  ["postgresql://admin:s3cret@host/other", " --url postgresql://admin@host/other"],
  ["postgresql://admin:a@b:c@host/other", " --url postgresql://admin@host/other"],
  ["postgresql://host/other?user=a&password=s3cret", " --url 'postgresql://host/other?user=a'"],
  ["host=/run dbname=other", " --url 'host=/run dbname=other'"],
  ["host=/run password=s3cret dbname=other", " --url URL"],
])("%s is named again as%s", (url, words) => {
  expect(urlAgain(url)).toBe(words)
})

const url = "postgresql://admin:s3cret@host/other"

test("each command to run next has it, and a refusal that ends with one", async () => {
  const grant = { role: "r", right: "read", organization: null, exists: true, member: false }
  const done = {
    next: ["pgtrail verify"],
    grants: [
      { ...grant, command: "pgtrail grant read r" },
      { ...grant, command: null },
    ],
  } as unknown as RestoredBackup
  const told = await withUrl(Promise.resolve(done), url)
  expect(told.next).toEqual(["pgtrail verify --url postgresql://admin@host/other"])
  expect(told.grants.map(({ command }) => command)).toEqual([
    "pgtrail grant read r --url postgresql://admin@host/other",
    null,
  ])
  const refused = (hint: string) => withUrl(Promise.reject(new TrailError("usage", "no", { hint })), url)
  await expect(refused("x, or: pgtrail backup restore P --confirm db")).rejects.toMatchObject({
    hint: "x, or: pgtrail backup restore P --confirm db --url postgresql://admin@host/other",
  })
  // What is said behind a command is no part of it.
  await expect(
    refused("run it by itself: pgtrail verify; to take it back: begin; commit"),
  ).rejects.toMatchObject({
    hint: "run it by itself: pgtrail verify --url postgresql://admin@host/other; to take it back: begin; commit",
  })
  await expect(refused("run it by itself: pgtrail verify (see why), and then")).rejects.toMatchObject({
    hint: "run it by itself: pgtrail verify (see why), and then",
  })
  await expect(refused("run it by itself: pgtrail gdpr reapply --register 'a (1); b'")).rejects.toMatchObject(
    {
      hint: "run it by itself: pgtrail gdpr reapply --register 'a (1); b' --url postgresql://admin@host/other",
    },
  )
  await expect(refused("look where the connection URL leads")).rejects.toMatchObject({
    hint: "look where the connection URL leads",
  })
})
