// What is derived from a key, byte by byte: a log outlives this program, and its pseudonyms must be found again by the next.
import { createHash } from "node:crypto"
import { inspect } from "node:util"
import { expect, test } from "vitest"
import {
  checkValueOf,
  lookupOf,
  newPrivacyKey,
  openOriginals,
  openPseudonym,
  pseudonymOf,
  registerHash,
  sealOriginal,
  secretOf,
} from "../../src/data/subject/privacy-key.js"

const keyOf = (byte: number, id = "k1") => {
  const secret = secretOf(Buffer.alloc(32, byte).toString("base64"))
  if (secret === undefined) throw new Error("no key")
  return { id, logId: "0199aaf0-7c1e-7b2c-9a55-3f0d2c1b7e11", secret }
}
const key = keyOf(7)

test("hash, lookup, check value and register are what another implementation computed", () => {
  const form = {
    acme: "1Q0EwGFbMhTvKh0Te_cr5wSpHvxEGz6iQZaycC_N7O8",
    all: "z2oYMVVMpLEWXLvJT4CnD1JAGUF614gT-ShU50nuf5w",
  }
  expect(pseudonymOf(key, "hash", "acme", "Jürgen")).toBe(`p1:h:k1:${form.acme}`)
  expect(pseudonymOf(key, "hash", "", "Ju\u0308rgen")).toBe(`p1:h:k1:${form.all}`)
  expect(lookupOf(key, "acme", "Ju\u0308rgen").toString("hex")).toBe(
    "11a9e3c195847986bddf469d1069d71f12bd8919c9d9fd8e487d5f322e59bb25",
  )
  expect(checkValueOf(key.secret).toString("hex")).toBe(
    "88386bfa1687f1eab3152e6427cbb7b257ce8daeb90c0f78e1a088eee0f168a2",
  )
  expect(registerHash(key, { kind: "email", value: "A@B" })).toBe(
    "d63ab8b34cf6b0c38705f8b10e0294664456349d4c03bd5a4df9d85c0802d4d8",
  )
})

test("an encrypted pseudonym has its nonce from the organization, and is opened without knowing it", () => {
  const acme = pseudonymOf(key, "encrypt", "acme", "Jürgen")
  expect(Buffer.from(acme.slice(8), "base64url").subarray(0, 12).toString("hex")).toBe(
    "73f95f27a6853b5e27c1887c",
  )
  expect(pseudonymOf(key, "encrypt", "acme", "Ju\u0308rgen")).toBe(acme)
  const globex = pseudonymOf(key, "encrypt", "globex", "Jürgen")
  expect(globex.slice(8, 24)).not.toBe(acme.slice(8, 24))
  for (const pseudonym of [acme, globex]) expect(openPseudonym(key, pseudonym)).toBe("Jürgen")
  expect(openPseudonym(keyOf(8), acme)).toBeUndefined()
  expect(openPseudonym(keyOf(7, "k2"), acme)).toBeUndefined()
  for (const damaged of [
    `${acme.slice(0, -2)}AA`,
    acme.slice(0, 40),
    "p1:e:k1:",
    `p1:e:k1:${"A".repeat(16)}`,
  ]) {
    expect(openPseudonym(key, damaged)).toBeUndefined()
  }
})

test("every length of an id has the form that the database takes, up to what can be encrypted", () => {
  const form = /^p1:[hte]:[a-z0-9-]{1,32}:[A-Za-z0-9_-]{16,2000}$/
  for (const id of ["x", "x".repeat(15), "x".repeat(16), "x".repeat(17), "日".repeat(490)]) {
    for (const strategy of ["hash", "token", "encrypt"] as const) {
      const pseudonym = pseudonymOf(keyOf(7, "k".repeat(32)), strategy, "acme", id)
      expect(pseudonym).toMatch(form)
      expect(pseudonym.length).toBeLessThanOrEqual(2100)
    }
    expect(openPseudonym(key, pseudonymOf(key, "encrypt", "acme", id))).toBe(id)
  }
  expect(() => pseudonymOf(key, "encrypt", "acme", "日".repeat(491))).toThrow("too long")
})

test("what is known of the subject does not give the pseudonym: no plain hash of it, and another key or log gives another", () => {
  const id = "u-4711"
  const pseudonym = pseudonymOf(key, "hash", "acme", id)
  const plain = ["sha256", "sha512", "md5"].flatMap((hash) =>
    [id, `acme${id}`, `acme\0${id}`].map((text) => createHash(hash).update(text).digest("base64url")),
  )
  expect(plain.some((text) => pseudonym.includes(text))).toBe(false)
  const others = [
    pseudonymOf(keyOf(8), "hash", "acme", id),
    pseudonymOf({ ...key, logId: "0199aaf0-7c1e-7b2c-9a55-3f0d2c1b7e12" }, "hash", "acme", id),
    pseudonymOf(key, "hash", "globex", id),
    pseudonymOf(key, "hash", "", id),
    pseudonymOf(key, "hash", "acme", "U-4711"),
  ]
  expect(new Set([pseudonym, ...others]).size).toBe(6)
})

test("notes of several requests are opened together; of a note that was cut, altered or moved nothing is", () => {
  const first = sealOriginal(key, "p1:h:k1:a", [
    { kind: "id", value: "u" },
    { kind: "email", value: "a@b" },
  ])
  const second = sealOriginal(key, "p1:h:k1:a", [
    { kind: "id", value: "u" },
    { kind: "name", value: '"\\é' },
  ])
  const both = Buffer.concat([first, second])
  expect(openOriginals(key, "p1:h:k1:a", both)).toEqual([
    { kind: "id", value: "u" },
    { kind: "email", value: "a@b" },
    { kind: "name", value: '"\\é' },
  ])
  expect(openOriginals(key, "p1:h:k1:b", both)).toBeUndefined()
  for (let at = 0; at < both.length; at += 1) {
    const altered = Buffer.from(both)
    altered[at] = (altered[at] ?? 0) ^ 1
    expect(openOriginals(key, "p1:h:k1:a", altered)).toBeUndefined()
    if (at !== 0 && at !== first.length)
      expect(openOriginals(key, "p1:h:k1:a", both.subarray(0, at))).toBeUndefined()
  }
})

test("a key is 32 bytes of base64 and nothing else, and prints nothing of itself", () => {
  const text = newPrivacyKey()
  expect(newPrivacyKey()).not.toBe(text)
  const secret = secretOf(`${text}\n`)
  expect(secret?.export()).toHaveLength(32)
  const printed = `${inspect({ ...key, secret }, { depth: 9 })}${JSON.stringify({ ...key, secret })}`
  expect(printed).not.toContain(text)
  for (const bad of [
    "",
    "x",
    text.slice(1),
    `${text}${text}`,
    Buffer.alloc(31).toString("base64"),
    `A${text}`,
    "=".repeat(44),
  ]) {
    expect(secretOf(bad)).toBeUndefined()
  }
})
