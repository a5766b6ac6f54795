// What every store must do, whatever it keeps its files in.
import { createHash } from "node:crypto"
import { expect, test } from "vitest"
import type { Store } from "../../src/data/store/store.js"

/** Bytes that tell their place, in chunks of a size that fits no block. */
export async function* content(bytes: number, chunk = 70_001): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes; at += chunk) yield piece(at, Math.min(chunk, bytes - at))
}

/** Its length divides no block. */
const pattern = Buffer.from(Array.from({ length: 65_537 }, (_, at) => (at * 31 + (at >> 5)) & 0xff))

function piece(at: number, length: number): Uint8Array {
  const from = at % pattern.length
  return Buffer.concat([pattern.subarray(from), pattern, pattern]).subarray(0, length)
}

/** Ends in an error of its own when so many bytes were given. */
export async function* broken(after: number): AsyncGenerator<Uint8Array> {
  yield* content(after)
  throw new Error("the source broke")
}

export const text = async function* (...parts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part)
}

export async function digest(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256")
  for await (const chunk of chunks) hash.update(chunk)
  return hash.digest("hex")
}

export async function read(store: Store, key: string): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const chunk of await store.get(key)) parts.push(chunk)
  return Buffer.concat(parts).toString("utf8")
}

export async function keys(store: Store, prefix = ""): Promise<string[]> {
  const found: string[] = []
  for await (const { key } of store.list(prefix)) found.push(key)
  return found
}

export async function begun(store: Store, prefix = ""): Promise<string[]> {
  const found: string[] = []
  for await (const { key } of store.unfinished(prefix)) found.push(key)
  return found
}

export async function failureOf(
  work: Promise<unknown>,
): Promise<{ code: string; message: string; hint: string }> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toMatchObject({ name: "TrailError" })
  return error as { code: string; message: string; hint: string }
}

const strange = [
  "",
  "a",
  "a/",
  "/a",
  "a/b/c",
  "../a",
  "a/..",
  "a/.b",
  "a..b/c",
  "a/b\0",
  "a/b\n",
  "a b/c",
  "ä/c",
  "-a/b",
  "a\\b/c",
  "a/b.partial-0123456789ab",
  `a/${"b".repeat(101)}`,
]

export function itIsAStore(open: () => Promise<Store>): void {
  test.each([0, 1, 65_536, 2_150_017])("gives back the %i bytes that were put", async (size) => {
    const store = await open()
    expect(await store.put(`whole/${size}.bin`, content(size))).toBe(BigInt(size))
    expect(await store.size(`whole/${size}.bin`)).toBe(BigInt(size))
    expect(await digest(await store.get(`whole/${size}.bin`))).toBe(await digest(content(size)))
    await store.close()
  })

  test("never writes over what is there", async () => {
    const store = await open()
    await store.put("once/a.txt", text("first"))
    const { code, hint } = await failureOf(store.put("once/a.txt", text("second")))
    expect([code, hint]).toEqual(["exists", expect.stringContaining("nothing was changed")])
    expect(await read(store, "once/a.txt")).toBe("first")
    await store.close()
  })

  test("gives what is there a second key, and each goes by itself", async () => {
    const store = await open()
    for (const size of [0, 2_150_017]) {
      await store.put("from/a.bin", content(size))
      await store.link("from/a.bin", "linked/b.bin")
      expect(await store.size("linked/b.bin")).toBe(BigInt(size))
      expect(await failureOf(store.link("from/a.bin", "linked/b.bin"))).toMatchObject({ code: "exists" })
      await store.remove("from/a.bin")
      expect(await failureOf(store.link("from/a.bin", "linked/c.bin"))).toMatchObject({ code: "not-found" })
      expect(await digest(await store.get("linked/b.bin"))).toBe(await digest(content(size)))
      expect(await keys(store, "linked/")).toEqual(["linked/b.bin"])
      await store.remove("linked/b.bin")
    }
    await store.close()
  })

  test("of two puts at once one wins, and the other says that it exists", async () => {
    const store = await open()
    for (const size of [10, 1_300_000]) {
      const key = `race/${size}.bin`
      const both = await Promise.allSettled([
        store.put(key, content(size)),
        store.put(key, content(size + 1)),
      ])
      const [won] = both.filter((one) => one.status === "fulfilled")
      const [lost] = both.filter((one) => one.status === "rejected")
      expect(lost).toMatchObject({ reason: { code: "exists" } })
      expect(await store.size(key)).toBe(won?.value)
      expect(await digest(await store.get(key))).toBe(await digest(content(Number(won?.value))))
    }
    expect(await begun(store)).toEqual([])
    await store.close()
  })

  test.each([0, 100, 1_300_000])("keeps nothing of a source that breaks after %i bytes", async (after) => {
    const store = await open()
    await expect(store.put("broken/a.bin", broken(after))).rejects.toThrow("the source broke")
    expect(await store.size("broken/a.bin")).toBeUndefined()
    expect([await keys(store, "broken/"), await begun(store)]).toEqual([[], []])
    await store.close()
  })

  test("keeps nothing when it is stopped", async () => {
    const store = await open()
    for (const size of [0, 100, 1_300_000]) {
      const stop = new AbortController()
      async function* stopping(): AsyncGenerator<Uint8Array> {
        yield* content(size)
        stop.abort("SIGINT")
        yield Buffer.from("last")
      }
      const put = store.put("stopped/a.bin", stopping(), { signal: stop.signal })
      await expect(put).rejects.toBe("SIGINT")
      expect([await keys(store, "stopped/"), await begun(store)]).toEqual([[], []])
    }
    const stopped = { signal: AbortSignal.abort("SIGINT") }
    await expect(store.put("stopped/a.bin", text("x"), stopped)).rejects.toBe("SIGINT")
    expect([await keys(store, "stopped/"), await begun(store)]).toEqual([[], []])
    await store.close()
  })

  test("stops reading when it is told to", async () => {
    const store = await open()
    await store.put("read/a.bin", content(1_300_000))
    const stop = new AbortController()
    const chunks = (await store.get("read/a.bin", { signal: stop.signal }))[Symbol.asyncIterator]()
    await chunks.next()
    stop.abort("SIGTERM")
    const rest = async (): Promise<void> => {
      while ((await chunks.next()).done !== true);
    }
    await expect(rest()).rejects.toBe("SIGTERM")
    await store.close()
  })

  test("lists by what keys begin with, in their order", async () => {
    const store = await open()
    const names = ["list-a/x.txt", "list-a.b/x.txt", "list-a-1/y.txt", "list-a/manifest.json", "list-B/x.txt"]
    for (const name of names) await store.put(name, text(name))
    expect(await keys(store, "list-")).toEqual([...names].sort())
    expect(await keys(store, "list-a/")).toEqual(["list-a/manifest.json", "list-a/x.txt"])
    expect(await keys(store, "list-a/m")).toEqual(["list-a/manifest.json"])
    expect(await keys(store, "list-x")).toEqual([])
    for await (const { bytes, modified } of store.list("list-a/m")) {
      expect(bytes).toBe(20n)
      expect(modified).toMatch(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
    }
    await store.close()
  })

  test("removes, and does not mind what is gone", async () => {
    const store = await open()
    await store.put("gone/a.txt", text("a"))
    await store.put("gone/b.txt", text("b"))
    await store.remove("gone/a.txt")
    await store.remove("gone/a.txt")
    await store.remove("never/a.txt")
    expect(await keys(store, "gone/")).toEqual(["gone/b.txt"])
    expect(await store.size("gone/a.txt")).toBeUndefined()
    const { code, message } = await failureOf(store.get("gone/a.txt"))
    expect([code, message]).toEqual(["not-found", expect.stringContaining("gone/a.txt")])
    await store.put("gone/a.txt", text("again"))
    expect(await read(store, "gone/a.txt")).toBe("again")
    await store.close()
  })

  test("takes no name that could be read as another path", async () => {
    const store = await open()
    for (const key of strange) {
      const works: readonly (() => Promise<unknown>)[] = [
        () => store.put(key, text("x")),
        () => store.get(key),
        () => store.size(key),
        () => store.remove(key),
      ]
      for (const work of works) {
        expect([key, (await failureOf(work())).code]).toEqual([key, "usage"])
      }
    }
    await store.close()
  })
}
