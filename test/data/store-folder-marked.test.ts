// A store in a folder whose files carry a mark that nobody removes them: what is said of it.
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, expect, test } from "vitest"
import { openFolder } from "../../src/data/store/folder.js"
import { failureOf, text } from "./store-fixture.js"

const path = mkdtempSync(join(tmpdir(), "pgtrail-store-marked-"))
afterAll(() => rmSync(path, { recursive: true }))

test("a file that may not be removed is not permitted, and no folder is said to be none", async ({
  skip,
}) => {
  const store = openFolder(pathToFileURL(path).href)
  await store.put("name/a.txt", text("a"))
  const file = join(path, "name/a.txt")
  const mark = (flag: string): boolean => spawnSync("chattr", [flag, file]).status === 0
  skip(!mark("+i"), "this file system, or this user, has no such mark")
  try {
    const { code, message } = await failureOf(store.remove("name/a.txt"))
    expect([code, message]).toEqual(["file", `cannot remove ${file}: not permitted`])
  } finally {
    mark("-i")
  }
  await store.remove("name/a.txt")
  await store.remove("name/a.txt")
})
