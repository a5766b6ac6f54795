// Signed notes: the published examples of other implementations, one of them as an independent judge, and every way to fool a verifier.
import { randomBytes } from "node:crypto"
import type { TLogEntryWithInclusionProof } from "@sigstore/bundle"
import { verifyCheckpoint } from "@sigstore/verify/dist/tlog/checkpoint.js"
import { describe, expect, test } from "vitest"
import {
  readSigningKey,
  readVerifierKeys,
  type SigningKey,
  signingKey,
  signText,
  splitNote,
  type VerifierKey,
  verifyText,
  writeVerifierKey,
} from "../../src/data/checkpoint/note.js"
import { failureOf } from "./failure.js"

// The example in the documentation of golang.org/x/mod/sumdb/note, and the second key of its tests.
const peterSecret = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
const peterKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
const enochKey = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
const text =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
const peterLine =
  "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
const enochLine =
  "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
// The example of C2SP's signed-note, and the key of Go's checksum database.
const c2sp = {
  key: "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
  text: "This is an example message.\n",
  line: "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n",
}
const sumdbKey = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"

const now = "2026-11-21T09:30:00.000000Z"
const keys = (...lines: string[]): VerifierKey[] => readVerifierKeys(lines.join("\n"), "keys.pub")
const made = (name = "audit.example.com/log"): SigningKey => signingKey(name, randomBytes(32))

describe("the published examples", () => {
  test("the keys are read, and their ids are those of the keys", () => {
    expect(keys(peterKey, enochKey, c2sp.key, sumdbKey).map(({ name, keyId }) => `${name} ${keyId}`)).toEqual(
      ["PeterNeumann c74f20a3", "EnochRoot af0cfe78", "example.com/foo 530d903a", "sum.golang.org 033de0ae"],
    )
  })

  test("the private key signs what its owner signed, to the byte, and belongs to the public one", () => {
    const key = readSigningKey(`${peterSecret}\n`)
    expect(signText(text, key)).toBe(peterLine)
    expect(writeVerifierKey(key)).toBe(peterKey)
  })

  test("the signatures verify, one alone and two together, whoever of them is known", () => {
    expect(verifyText(text, peterLine, keys(peterKey), now).name).toBe("PeterNeumann")
    expect(verifyText(text, peterLine + enochLine, keys(peterKey), now).name).toBe("PeterNeumann")
    expect(verifyText(text, peterLine + enochLine, keys(enochKey), now).name).toBe("EnochRoot")
    expect(verifyText(c2sp.text, c2sp.line, keys(peterKey, c2sp.key), now).name).toBe("example.com/foo")
  })
})

describe("an independent implementation (@sigstore/verify)", () => {
  const entry = (envelope: string) =>
    ({ inclusionProof: { checkpoint: { envelope } } }) as unknown as TLogEntryWithInclusionProof
  const authority = (key: SigningKey, [verifier] = keys(writeVerifierKey(key))) => {
    if (verifier === undefined) throw new Error("no key")
    const validFor = { start: new Date(0), end: new Date() }
    return {
      logID: Buffer.from(key.keyId, "hex"),
      baseURL: key.name,
      publicKey: verifier.publicKey,
      validFor,
    }
  }
  const statement = `pgtrail/6f1c3e52-0d0b-4b3a-9a51-7c2f7ce0a001/1\n42\n${Buffer.alloc(32, 7).toString("base64")}\nlanes 2\n`

  test("accepts what we sign and reads the same three lines", () => {
    const key = made()
    const checkpoint = verifyCheckpoint(entry(`${statement}\n${signText(statement, key)}`), [authority(key)])
    expect(checkpoint.origin).toBe("pgtrail/6f1c3e52-0d0b-4b3a-9a51-7c2f7ce0a001/1")
    expect(checkpoint.logSize).toBe(42n)
    expect(checkpoint.logHash).toEqual(Buffer.alloc(32, 7))
    expect(checkpoint.rest).toEqual(["lanes 2"])
  })

  test("refuses it when a byte was edited, as we do", async () => {
    const key = made()
    const line = signText(statement, key)
    const edited = statement.replace("42", "43")
    expect(() => verifyCheckpoint(entry(`${edited}\n${line}`), [authority(key)])).toThrow()
    const error = await failureOf(() => verifyText(edited, line, keys(writeVerifierKey(key)), now))
    expect(error.code).toBe("forged")
  })
})

describe("a signature", () => {
  const key = made("ours")
  const known = keys(`${writeVerifierKey(key)}`)

  test("of an unknown key is not believed, and neither its name nor the text is repeated", async () => {
    const stranger = made("stranger\u202e")
    const error = await failureOf(() =>
      verifyText(text, signText(text, { ...stranger, name: "evil" }), known, now),
    )
    expect(error.code).toBe("config")
    expect(error.message).toContain(stranger.keyId)
    expect(error.message + error.hint).not.toMatch(/evil|cryptography/)
  })

  test("by another key under the name and id of a known one is forged", async () => {
    const impostor = { ...made("ours"), keyId: key.keyId }
    const error = await failureOf(() => verifyText(text, signText(text, impostor), known, now))
    expect(error).toMatchObject({ code: "forged" })
    expect(error.message).toContain(`ours (${key.keyId})`)
  })

  test("that does not fit is an alarm even beside one that does", async () => {
    const other = made("other")
    const lines = signText(text, other) + signText(`${text}more\n`, key)
    const both = keys(writeVerifierKey(key), writeVerifierKey(other))
    expect((await failureOf(() => verifyText(text, lines, both, now))).code).toBe("forged")
    expect((await failureOf(() => verifyText(text, lines, known, now))).code).toBe("forged")
  })

  test.each([
    ["no line at all", ""],
    ["a line that was cut off", peterLine.slice(0, -20)],
    ["a line without its end", peterLine.trimEnd()],
    ["a hyphen for the dash", peterLine.replace("—", "-")],
    ["bytes after the padding", peterLine.replace("=\n", "=AAAA\n")],
    ["an id and no signature", "— PeterNeumann x08gow==\n"],
    ["a signature that is too short", "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLA==\n"],
    ["an empty line between", `${peterLine}\n${enochLine}`],
    ["a thousand lines", enochLine.repeat(1000)],
  ])("with %s is forged", async (_, lines) => {
    expect((await failureOf(() => verifyText(text, lines, keys(peterKey), now))).code).toBe("forged")
  })

  test.each([
    ["with control characters", text.replace(",", "\u0007,")],
    ["with CRLF", text.replaceAll("\n", "\r\n")],
    ["without its last line end", text.slice(0, -1)],
    ["with half a surrogate pair", `\ud800${text}`],
  ])("of a text %s is neither made nor believed", async (_, bad) => {
    expect(() => signText(bad, key)).toThrow(TypeError)
    expect((await failureOf(() => verifyText(bad, peterLine, keys(peterKey), now))).code).toBe("forged")
  })
})

describe("the period of a key", () => {
  const key = made("ours")
  const line = signText(text, key)
  const during = (period: string) => keys(`${writeVerifierKey(key)} ${period}`)

  test("has its beginning and not its end", async () => {
    const bounded = during("since=2026-01-01T00:00:00Z until=2027-01-01T00:00:00Z")
    expect(verifyText(text, line, bounded, "2026-01-01T00:00:00.000000Z").name).toBe("ours")
    expect(verifyText(text, line, bounded, "2026-12-31T23:59:59.999999Z").name).toBe("ours")
    for (const time of ["2025-12-31T23:59:59.999999Z", "2027-01-01T00:00:00.000000Z", ""]) {
      const error = await failureOf(() => verifyText(text, line, bounded, time))
      expect(error).toMatchObject({ code: "forged" })
      expect(error.message).toContain("was not valid at")
    }
  })

  test("of the same key in two files add up, and another key that is valid is enough", () => {
    const renewed = [...during("until=2026-01-01T00:00:00Z"), ...during("since=2026-06-01T00:00:00Z")]
    expect(verifyText(text, line, renewed, now).since).toBe("2026-06-01T00:00:00.000000Z")
    const other = made("other")
    const trusted = [...during("until=2026-01-01T00:00:00Z"), ...keys(writeVerifierKey(other))]
    expect(verifyText(text, line + signText(text, other), trusted, now).name).toBe("other")
  })
})

describe("a file of keys", () => {
  test("may have comments, empty lines and Windows line ends", () => {
    const found = readVerifierKeys(
      `# auditors\r\n\r\n${peterKey}\r\n  ${enochKey} until=2027-01-01T00:00:00.5Z\r\n`,
      "f",
    )
    expect(found.map(({ name, until }) => [name, until])).toEqual([
      ["PeterNeumann", undefined],
      ["EnochRoot", "2027-01-01T00:00:00.500000Z"],
    ])
  })

  test.each([
    ["nothing", "# none\n", /there is no public key in k\.pub/],
    ["the private key", peterSecret, /k\.pub, line 1: this is the private key/],
    ["an id of another key", peterKey.replace("c74f20a3", "c74f20a4"), /the id of the key does not fit it/],
    [
      "another algorithm",
      "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
      /no Ed25519 key/,
    ],
    ["a key that is too long", `${peterKey}AAAA`, /no Ed25519 key/],
    ["a key that was cut off", peterKey.slice(0, -3), /no public key/],
    ["a time without a zone", `${peterKey} since=2026-01-01`, /neither since=TIME nor until=TIME/],
    [
      "two beginnings",
      `${peterKey} since=2026-01-01T00:00:00Z since=2026-01-01T00:00:00Z`,
      /two times since=/,
    ],
    ["something behind the key", `${peterKey} trusted`, /neither since=TIME nor until=TIME/],
  ])("with %s is refused", async (_, content, says) => {
    const error = await failureOf(() => readVerifierKeys(content, "k.pub"))
    expect(error).toMatchObject({ code: "config" })
    expect(error.message).toMatch(says)
    expect(error.message + error.hint).not.toContain(peterSecret.slice(-20))
  })
})

test.each([
  ["is empty", ""],
  ["is the public key", peterKey],
  ["has another id", peterSecret.replace("c74f20a3", "00000000")],
  ["has another algorithm", peterSecret.replace("+AYEK", "+BYEK")],
  ["was cut off", peterSecret.slice(0, -1)],
  ["has a name that no key has", peterSecret.replace("PeterNeumann", "Peter Neumann")],
])("a signing key that %s is refused, and nothing of it is shown", async (_, content) => {
  const error = await failureOf(() => readSigningKey(content))
  expect(error).toMatchObject({ code: "config" })
  expect(error.message + error.hint).not.toMatch(/YEKFALV|Neumann/)
})

test("a note is cut at its last empty line", () => {
  expect(splitNote(`a\n\nb\n\n${peterLine}`)).toEqual({ text: "a\n\nb\n", signatures: peterLine })
  expect(splitNote("a\nb\n")).toBeUndefined()
})
