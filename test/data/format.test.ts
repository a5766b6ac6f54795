// The bytes of FORMAT.md: PostgreSQL, the TypeScript and the fast reader of verify make the same of every test vector.
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import type { Client } from "pg"
import { afterAll, beforeAll, expect, test } from "vitest"
import { encode, oids, type SqlType } from "../../src/data/binary.js"
import {
  actFields,
  actGenesis,
  contentFields,
  type FieldList,
  frameFields,
  genesis,
  headsDigest,
  identityFields,
  placeFields,
  recompute,
  recomputeAct,
  record,
} from "../../src/data/canonical.js"
import { catalogDigest } from "../../src/data/verify/acts.js"
import { type TestDatabase, testDatabase } from "../database.js"
import { makeVectors, type TextRow, type Vectors } from "../vectors/make.js"
import { readRecords } from "./properties-reader.js"
import { places } from "./verify-fixture.js"

const file = new URL("../vectors/format.json", import.meta.url)
/** Frozen: whoever has written a verifier has these bytes. A vector may be added, then this changes; none may ever change. */
const checksum = "ad331cdfc57456578662d30b4142ca24a260779b2adb47cca0f7f4fbabec82e5"

const vectors: Vectors = JSON.parse(readFileSync(file, "utf8"))
const plain = (bytea: string | null | undefined): string => (bytea ?? "").replace(/^\\x/, "")
const sha256 = (bytes: string | Buffer): string => createHash("sha256").update(bytes).digest("hex")
const ofHex = (hex: string): Buffer => Buffer.from(hex, "hex")

let db: TestDatabase
let client: Client
beforeAll(async () => {
  db = await testDatabase()
  client = await db.client()
  await client.query("set datestyle = 'ISO'; set timezone = 'UTC'; set bytea_output = 'hex'")
})
afterAll(() => db.drop())

test("the vectors are what PostgreSQL makes of their values", async () => {
  const made = await makeVectors(async (sql, params = []) => (await client.query(sql, [...params])).rows)
  await expect(`${JSON.stringify(made, null, 2)}\n`).toMatchFileSnapshot(file.pathname)
})

test("the vectors are frozen", () => {
  expect(sha256(readFileSync(file))).toBe(checksum)
})

test.each(vectors.values)("$type $text has the bytes that PostgreSQL sends", ({ type, text, bytes }) => {
  const [known] = sqlTypes.filter((name) => name === type)
  if (known === undefined) throw new Error(`${type} is no type of a record`)
  expect(encode(known, text).toString("hex")).toBe(bytes)
})
const sqlTypes: SqlType[] = [
  "bigint",
  "bytea",
  "inet",
  "int",
  "jsonb",
  "smallint",
  "text",
  "text[]",
  "timestamptz",
  "uuid",
]

test("every type of a record has vectors", () => {
  expect([...new Set(vectors.values.map(({ type }) => type))].sort()).toEqual([...sqlTypes].sort())
  expect(Object.keys(oids).sort()).toEqual([...sqlTypes].sort())
})

test.each(vectors.events)("an event: $name", (event) => {
  const { row } = event
  const { identity, content, hash } = recompute(row)
  expect({ identity, content, hash }).toEqual({
    identity: plain(event.identity_digest),
    content: plain(event.content_digest),
    hash: plain(row.hash),
  })
  const listed = (fields: FieldList): [SqlType, string | null][] =>
    fields.map(([column, type]) => [type, row[column] ?? null])
  if (row.identity_digest === undefined) {
    const bytes = record("pgtrail identity", [["uuid", row.identity_salt ?? null], ...listed(identityFields)])
    expect(bytes.toString("hex")).toBe(event.identity_record)
  }
  if (row.content_digest === undefined) {
    const bytes = record("pgtrail content", [["uuid", row.content_salt ?? null], ...listed(contentFields)])
    expect(bytes.toString("hex")).toBe(event.content_record)
  }
  const digests: [SqlType, string][] = [
    ["bytea", event.identity_digest],
    ["bytea", event.content_digest],
  ]
  const bytes = record("pgtrail event", [...listed(placeFields), ...digests, ...listed(frameFields)])
  expect(bytes.toString("hex")).toBe(event.event_record)
  expect(sha256(ofHex(event.identity_record))).toBe(identity)
  expect(sha256(ofHex(event.content_record))).toBe(content)
  expect(sha256(ofHex(event.event_record))).toBe(hash)
})

test("the events are whole chains, from genesis to the heads", () => {
  const last = new Map(
    vectors.genesis.map((row) => [`${row.lane} ${row.organization_id}`, { seq: 0, hash: plain(row.hash) }]),
  )
  for (const start of vectors.genesis) {
    expect(genesis(vectors.log_id, start.organization_id ?? "", start.lane ?? "").toString("hex")).toBe(
      plain(start.hash),
    )
    expect(sha256(ofHex(start.record ?? ""))).toBe(plain(start.hash))
  }
  for (const { row } of vectors.events) {
    const chain = `${row.lane} ${row.organization_id}`
    const before = last.get(chain)
    expect([row.seq, plain(row.previous_hash)]).toEqual([String((before?.seq ?? 0) + 1), before?.hash])
    last.set(chain, { seq: Number(row.seq), hash: plain(row.hash) })
  }
  const heads = vectors.heads.rows.map((row) => [
    `${row.lane} ${row.organization_id}`,
    { seq: Number(row.seq), hash: plain(row.hash) },
  ])
  expect(Object.fromEntries(heads)).toEqual(Object.fromEntries(last))
})

test("heads, catalog and acts have their digests", () => {
  const text = (row: TextRow, column: string) => row[column] ?? ""
  const heads = vectors.heads.rows.map((row) => ({
    organization_id: text(row, "organization_id"),
    lane: text(row, "lane"),
    seq: text(row, "seq"),
    hash: text(row, "hash"),
  }))
  expect(headsDigest(heads)).toBe(plain(vectors.heads.digest))
  expect(catalogDigest(vectors.catalog.rows)).toBe(plain(vectors.catalog.digest))
  expect(actGenesis(vectors.log_id).toString("hex")).toBe(plain(vectors.act_genesis.hash))
  let previous = vectors.act_genesis.hash
  for (const { row, record: bytes } of vectors.acts) {
    expect(recomputeAct(row)).toBe(plain(row.hash))
    const fields = actFields.map(([column, type]): [SqlType, string | null] => [type, row[column] ?? null])
    expect(record("pgtrail act", fields).toString("hex")).toBe(bytes)
    expect(row.previous_hash).toBe(previous)
    previous = row.hash
  }
})

/** The vectors as rows of a log, past every trigger. */
async function load(): Promise<void> {
  await client.query("set session_replication_role = replica")
  for (const [table, rows] of [
    ["event", vectors.events.map(({ row }) => row)],
    [
      "chain_head",
      [...vectors.genesis.map(({ record: _, ...row }) => ({ ...row, seq: "0" })), ...vectors.heads.rows],
    ],
  ] as const) {
    for (const row of rows) {
      const columns = Object.keys(row)
      const params = columns.map((_, index) => `$${index + 1}`).join(", ")
      await client.query(
        `insert into pgtrail.${table} (${columns.join(", ")}) values (${params})`,
        Object.values(row),
      )
    }
  }
  await client.query("update pgtrail.log set log_id = $1", [vectors.log_id])
  await client.query("update pgtrail.incarnation set log_id = $1", [vectors.log_id])
  await client.query("set session_replication_role = origin")
}

test("the reader of verify finds every field of the vectors at its place, and computes their hashes", async () => {
  await load()
  const read = await readRecords(client, "pgtrail.event")
  expect(read.size).toBe(vectors.events.length)
  for (const { name, row } of vectors.events) {
    const seen = read.get(row.id ?? "")
    expect(seen, name).toEqual({
      organization: row.organization_id,
      lane: Number(row.lane),
      seq: Number(row.seq),
      version: 1,
      previous: plain(row.previous_hash),
      hash: plain(row.hash),
      computed: plain(row.hash),
      redactedIdentity: row.identity_digest !== undefined,
      redactedContent: row.content_digest !== undefined,
      time: encode("timestamptz", row.occurred_at ?? "").readBigInt64BE(),
    })
  }
})

test("verify finds nothing in the vectors but the redactions, which no act authorizes", async () => {
  const trail = await db.trail()
  const { findings } = await trail.verify({ jobs: 1, record: false })
  const redacted = vectors.events.filter(({ row }) => row.identity_digest ?? row.content_digest)
  const wanted = redacted.flatMap(({ row }) => {
    const place = `unauthorized_redaction ${row.organization_id}/${row.lane}/${row.seq}`
    return [...(row.identity_digest ? [place] : []), ...(row.content_digest ? [place] : [])]
  })
  expect(places(findings.filter((finding) => finding.organization_id !== null))).toEqual(wanted.sort())
})
