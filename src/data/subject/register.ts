// The register of erasures: a file outside of the database that says what was erased or given a pseudonym, by places alone, so that a restored
// database can be made to forget again. Lines of JSON, only ever appended: what is to be replaced is on the disk before that commits.
import { createHash, randomUUID } from "node:crypto"
import { type FileHandle, open } from "node:fs/promises"
import type { Client } from "pg"
import { fileError } from "../checkpoint/files.js"
import type { PseudonymStrategy } from "./privacy-key.js"
import { placesOf } from "./register-places.js"

export const registerSchema = "pgtrail.erasure_register/1"
/** Of a pseudonymization: an earlier pgtrail, which would take it for an erasure, refuses it. */
export const pseudonymSchema = "pgtrail.erasure_register/2"

/** What was erased, or given a pseudonym, by whose request; no value of an event is in it. */
export interface Beginning {
  readonly schema: typeof registerSchema | typeof pseudonymSchema
  readonly line: "begin"
  readonly id: string
  readonly log_id: string
  readonly time: string
  readonly strategy: "erase" | PseudonymStrategy
  readonly request: string | null
  /** The act that the erasure commits with: by its hash it is told apart from that of another life of the log. */
  readonly act: string
  readonly act_hash: string
  /** Keyed hashes of the identifiers, by which somebody who has the key can tell whether a subject is in here; null without a key. */
  readonly key: string | null
  readonly subject: readonly string[] | null
  /** Of a pseudonymization: the pseudonyms are the same in all organizations. Its `key` made them, and its `subject` begins with the main identifier. */
  readonly joined?: boolean
  /** Of an erasure: the pseudonyms that it took away. Missing in what an earlier pgtrail wrote. */
  readonly pseudonyms?: readonly string[]
  /** seq of the acts of the rules in force. */
  readonly rules: readonly string[]
  /** Holds that were cleared of names: seq and hash of their acts. Missing in what an earlier pgtrail wrote. */
  readonly holds?: readonly { readonly act: string; readonly hash: string }[]
}

/** Places of one lane in which the same fields were replaced. */
export interface Places {
  readonly line: "places"
  readonly id: string
  readonly organization: string
  readonly lane: string
  readonly identity: readonly string[]
  readonly content: readonly string[]
  /** The pseudonym; of an erasure what stands in the place of identifiers that a law keeps, of nobody, and null elsewhere. */
  readonly token: string | null
  /** `12,15-18`. */
  readonly seq: string
}

/** All of it is written: what has no such line was never committed. */
export interface Written {
  readonly line: "written"
  readonly id: string
  readonly lines: number
  readonly events: string
  /** Over the lines before it, of this id. */
  readonly sha256: string
}

/** How it ended. Without such a line nobody saw it end. */
export interface Ending {
  readonly line: "done" | "void"
  readonly id: string
}

export interface Registered {
  readonly id: string
  /** Of the line `written`: what the receipt names. */
  readonly sha256: string
  readonly events: string
}

/** What the register is told besides what the log says. */
export type Told = Pick<Beginning, "strategy" | "request" | "key" | "subject" | "joined" | "pseudonyms">

/** The register as it is appended to. Two runs may write at once: each write is of whole lines, and each line says whose it is. */
export class RegisterFile {
  readonly #file: FileHandle
  readonly path: string

  private constructor(file: FileHandle, path: string) {
    this.#file = file
    this.path = path
  }

  /** Throws TrailError `file` where it cannot be written, before anything is erased. */
  static async open(path: string): Promise<RegisterFile> {
    try {
      const file = await open(path, "a+", 0o600)
      const { size } = await file.stat()
      if (size > 0) {
        const last = await file.read(Buffer.alloc(1), 0, 1, size - 1)
        // A run that was killed may have left half a line, which must not spoil the next.
        if (last.buffer[0] !== 0x0a) await file.appendFile("\n")
      }
      return new RegisterFile(file, path)
    } catch (error) {
      throw fileError(error, "write", path)
    }
  }

  /** In the transaction of the erasure, when its act is recorded and before it commits. On the disk when it returns. */
  async begin(client: Client, known: Told & { readonly act: string }): Promise<Registered> {
    const id = randomUUID()
    const sum = createHash("sha256")
    let lines = 0
    const put = async (parts: readonly object[]): Promise<void> => {
      const text = parts.map((part) => `${JSON.stringify(part)}\n`).join("")
      sum.update(text)
      lines += parts.length
      await this.#append(text)
    }
    await put([await beginning(client, id, known)])
    let events = 0n
    for await (const portion of placesOf(client, id)) {
      events += portion.events
      await put(portion.lines)
    }
    const written: Written = { line: "written", id, lines, events: String(events), sha256: sum.digest("hex") }
    await this.#append(`${JSON.stringify(written)}\n`)
    await this.#sync()
    return { id, sha256: written.sha256, events: written.events }
  }

  /** `done`: it was committed; `void`: it was rolled back. */
  async end(id: string, line: Ending["line"]): Promise<void> {
    const ending: Ending = { line, id }
    await this.#append(`${JSON.stringify(ending)}\n`)
    await this.#sync()
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  async #append(text: string): Promise<void> {
    try {
      await this.#file.appendFile(text)
    } catch (error) {
      throw fileError(error, "write", this.path)
    }
  }

  async #sync(): Promise<void> {
    try {
      await this.#file.sync()
    } catch (error) {
      throw fileError(error, "write", this.path)
    }
  }
}

async function beginning(
  client: Client,
  id: string,
  { act, strategy, request, key, subject, joined, pseudonyms }: Parameters<RegisterFile["begin"]>[1],
): Promise<Beginning> {
  const { rows } = await client.query<Record<"log_id" | "time" | "hash" | "rules" | "holds", string>>(
    `select l.log_id, to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as time, encode(a.hash, 'hex') as hash,
       coalesce((select json_agg(r.act_seq::text order by r.act_seq) from pgtrail.subject_rule r where r.ended_seq is null), '[]') as rules,
       coalesce((select json_agg(json_build_object('act', h.act_seq::text, 'hash', encode(p.hash, 'hex')) order by h.act_seq) from pgtrail.hold h
         join pgtrail.act p on p.organization_id = 'pgtrail' and p.seq = h.act_seq where h.cleared_seq = $1), '[]') as holds
     from pgtrail.log l, pgtrail.act a where a.organization_id = 'pgtrail' and a.seq = $1`,
    [act],
  )
  const [
    { log_id, time, hash, rules, holds } = { log_id: "", time: "", hash: "", rules: "[]", holds: "[]" },
  ] = rows
  return {
    schema: strategy === "erase" ? registerSchema : pseudonymSchema,
    line: "begin",
    id,
    log_id,
    time,
    strategy,
    request,
    act,
    act_hash: hash,
    key,
    subject,
    ...(joined === undefined ? {} : { joined }),
    ...(pseudonyms === undefined || pseudonyms.length === 0 ? {} : { pseudonyms }),
    rules: JSON.parse(rules) as string[],
    holds: JSON.parse(holds) as { act: string; hash: string }[],
  }
}
