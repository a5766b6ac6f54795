// Bytes on their way into the files: gathered into large pages, cut where a file is full, hashed and written.
import { createHash, type Hash } from "node:crypto"
import { type FileHandle, open } from "node:fs/promises"
import { join } from "node:path"
import { fileError } from "../checkpoint/files.js"

const pageSize = 262_144
/** Fewer bytes are copied one by one: the call that copies takes longer. */
const few = 24

export interface WrittenFile {
  readonly name: string
  readonly rows: number
  readonly bytes: number
  /** Hex. */
  readonly sha256: string
}

export interface PagesOptions {
  /** Where the files are made. */
  readonly folder: string
  /** Of the file with this number, from 1 on. */
  name(number: number): string
  readonly opening: string
  readonly closing: string
  /** Rows of a file; undefined: one file has all. */
  readonly split: number | undefined
}

interface OpenFile {
  readonly name: string
  readonly handle: FileHandle
  readonly hash: Hash
  rows: number
  bytes: number
}

/** `put`, `room` and `endRow` never wait; `drain` does, and must be called now and then, `finish` at the end, `close` in any case. */
export class Pages {
  rows = 0
  readonly #options: PagesOptions
  readonly #files: WrittenFile[] = []
  readonly #spare: Buffer[] = []
  /** Full pages, and the ends of files (their rows) between them. */
  #full: (Buffer | number)[] = []
  #page: Buffer = Buffer.allocUnsafe(pageSize)
  #used = 0
  #rowsOfFile = 0
  #open: OpenFile | undefined

  constructor(options: PagesOptions) {
    this.#options = options
    this.text(options.opening)
  }

  put(bytes: Buffer, start: number, end: number): void {
    if (end - start < few && this.#used + few <= pageSize) {
      for (let at = start; at < end; at++) this.#page[this.#used++] = bytes[at] ?? 0
      return
    }
    for (let at = start; at < end; ) {
      if (this.#used === pageSize) this.#turn()
      const size = Math.min(end - at, pageSize - this.#used)
      bytes.copy(this.#page, this.#used, at, at + size)
      this.#used += size
      at += size
    }
  }

  /** Takes so many bytes of the page, for the caller to write. */
  room(size: number): { page: Buffer; used: number } {
    if (this.#used + size > pageSize) this.#turn()
    const used = this.#used
    this.#used += size
    return { page: this.#page, used }
  }

  /** Ends a row with a line feed. */
  endRow(): void {
    const { page, used } = this.room(1)
    page[used] = 0x0a
    this.rowEnded()
  }

  text(text: string): void {
    // Three bytes a code unit are the most that UTF-8 takes.
    const most = text.length * 3
    if (most > pageSize) {
      const bytes = Buffer.from(text)
      this.put(bytes, 0, bytes.length)
      return
    }
    if (this.#used + most > pageSize) this.#turn()
    this.#used += this.#page.write(text, this.#used)
  }

  /** Text of a whole row, its end included. */
  row(text: string): void {
    this.text(text)
    this.rowEnded()
  }

  rowEnded(): void {
    this.rows += 1
    this.#rowsOfFile += 1
  }

  /** Before a row: the file that is full ends, so that none is empty. */
  beforeRow(): void {
    if (this.#rowsOfFile !== this.#options.split) return
    this.#endFile()
    this.text(this.#options.opening)
  }

  #endFile(): void {
    this.text(this.#options.closing)
    this.#turn()
    this.#full.push(this.#rowsOfFile)
    this.#rowsOfFile = 0
  }

  #turn(): void {
    if (this.#used > 0) this.#full.push(this.#page.subarray(0, this.#used))
    this.#page = this.#spare.pop() ?? Buffer.allocUnsafe(pageSize)
    this.#used = 0
  }

  async drain(): Promise<void> {
    const full = this.#full
    this.#full = []
    for (const item of full) {
      if (typeof item === "number") await this.#finishFile(item)
      else {
        await this.#write(item)
        if (this.#spare.length < 4) this.#spare.push(Buffer.from(item.buffer, item.byteOffset, pageSize))
      }
    }
  }

  async #write(bytes: Buffer): Promise<void> {
    const { folder, name } = this.#options
    const called = this.#open?.name ?? name(this.#files.length + 1)
    const path = join(folder, called)
    try {
      this.#open ??= {
        name: called,
        handle: await open(path, "wx", 0o600),
        hash: createHash("sha256"),
        rows: 0,
        bytes: 0,
      }
      const file = this.#open
      const written = file.handle.writeFile(bytes)
      file.hash.update(bytes)
      file.bytes += bytes.length
      await written
    } catch (error) {
      throw fileError(error, "write", path)
    }
  }

  async #finishFile(rows: number): Promise<void> {
    // One that has nothing in it is a file all the same.
    if (this.#open === undefined) await this.#write(Buffer.alloc(0))
    const file = this.#open
    if (file === undefined) return
    this.#open = undefined
    try {
      await file.handle.sync()
    } catch (error) {
      throw fileError(error, "write", file.name)
    } finally {
      await file.handle.close()
    }
    const { name, bytes } = file
    this.#files.push({ name, rows, bytes, sha256: file.hash.digest("hex") })
  }

  async finish(): Promise<readonly WrittenFile[]> {
    this.#endFile()
    await this.drain()
    return this.#files
  }

  async close(): Promise<void> {
    await this.#open?.handle.close()
    this.#open = undefined
  }
}
