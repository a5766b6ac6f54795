// Receives what COPY ... TO STDOUT sends, row by row, in large buffers: the inner loop of a backup, which pays for nothing else.
import { TrailError } from "../errors.js"

/** Called with each row as it arrived: a line of COPY text with its line feed, valid only during the call. */
export type RowVisitor = (bytes: Buffer, start: number, end: number) => void

interface Stream {
  on(event: "data", listener: (chunk: Buffer) => void): void
  removeListener(event: "data", listener: (chunk: Buffer) => void): void
  listeners(event: "data"): unknown[]
  pause(): void
  resume(): void
}
interface Connection {
  readonly stream: Stream
  query(text: string): void
}

const copyData = 0x64
const header = 5
/** Messages that may stand between rows. */
const passedOver: ReadonlySet<number> = new Set([..."HSNA"].map((code) => code.charCodeAt(0)))
const copyDone = 0x63
const bufferSize = 262_144
const mostBuffers = 4

/** The server sends one message a row, so rows need not be looked for; what is not of COPY goes to node-postgres as ever. */
export class CopyOut {
  rows = 0
  readonly #text: string
  readonly #visit: RowVisitor | undefined
  #connection: Connection | undefined
  #passOn: ((chunk: Buffer) => void) | undefined
  #isPaused = false
  readonly #header = Buffer.alloc(header)
  #headed = 0
  /** Bytes that are still to come of the present message. */
  #left = 0
  #isRow = false
  #buffer: Buffer = Buffer.allocUnsafeSlow(bufferSize)
  #filled = 0
  #rowStart = 0
  #ready: Buffer[] = []
  #isDone = false
  #failure: { readonly error: unknown } | undefined
  #wake: () => void = () => undefined
  /** Bytes that have come. */
  received = 0

  constructor(text: string, visit?: RowVisitor) {
    this.#text = text
    this.#visit = visit
  }

  submit(connection: unknown): void {
    const own = connection as Connection
    this.#connection = own
    const [passOn] = own.stream.listeners("data") as ((chunk: Buffer) => void)[]
    if (passOn === undefined) throw new Error("node-postgres listens to its connection in another way")
    this.#passOn = passOn
    own.stream.removeListener("data", passOn)
    own.stream.on("data", this.#receive)
    own.query(this.#text)
  }

  handleError(error: unknown): void {
    this.#detach()
    this.#failure ??= { error }
    this.#wake()
  }

  handleCommandComplete(message: { readonly text?: string }): void {
    const [, count] = /^COPY (\d+)$/.exec(message.text ?? "") ?? []
    if (count !== undefined && count !== String(this.rows)) this.fail(torn())
  }

  handleReadyForQuery(): void {
    this.#isDone = true
    this.#wake()
  }

  /** Ends whoever reads with this error. */
  fail(error: unknown): void {
    this.#failure ??= { error }
    this.#wake()
  }

  /** Whether somebody waits for bytes, and not the server for somebody who takes them. */
  get isWaiting(): boolean {
    return !this.#isPaused && !this.#isDone && this.#failure === undefined
  }

  async *chunks(): AsyncGenerator<Buffer> {
    for (;;) {
      const chunk = this.#ready.shift()
      if (chunk !== undefined) {
        if (this.#ready.length < mostBuffers / 2) this.#resume()
        yield chunk
        continue
      }
      if (this.#failure !== undefined) throw this.#failure.error
      if (this.#isDone) return
      await new Promise<void>((wake) => {
        this.#wake = wake
      })
    }
  }

  readonly #receive = (chunk: Buffer): void => {
    this.received += chunk.length
    const { length } = chunk
    let at = 0
    while (at < length) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, length - at)
        if (this.#isRow) {
          chunk.copy(this.#buffer, this.#filled, at, at + taken)
          this.#filled += taken
        }
        this.#left -= taken
        at += taken
        if (this.#left === 0 && this.#isRow) this.#row()
        continue
      }
      let code: number
      let size: number
      if (this.#headed === 0 && length - at >= header) {
        code = chunk[at] as number
        size = chunk.readUInt32BE(at + 1) - 4
        at += header
      } else {
        const taken = Math.min(header - this.#headed, length - at)
        chunk.copy(this.#header, this.#headed, at, at + taken)
        this.#headed += taken
        at += taken
        if (this.#headed < header) return
        this.#headed = 0
        code = this.#header[0] as number
        size = this.#header.readUInt32BE(1) - 4
      }
      this.#isRow = code === copyData
      if (this.#isRow) this.#begin(size)
      else if (!passedOver.has(code)) {
        this.#end(code, size, chunk.subarray(at))
        return
      }
      this.#left = size
    }
  }

  #begin(size: number): void {
    if (this.#filled + size > this.#buffer.length) {
      this.#flush()
      this.#buffer = Buffer.allocUnsafeSlow(Math.max(bufferSize, size))
    }
    this.#rowStart = this.#filled
  }

  #row(): void {
    this.rows += 1
    this.#visit?.(this.#buffer, this.#rowStart, this.#filled)
  }

  #flush(): void {
    if (this.#filled === 0) return
    this.#ready.push(this.#buffer.subarray(0, this.#filled))
    this.#filled = 0
    if (this.#ready.length >= mostBuffers && !this.#isPaused) {
      this.#isPaused = true
      this.#connection?.stream.pause()
    }
    this.#wake()
  }

  #resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#connection?.stream.resume()
  }

  #end(code: number, size: number, rest: Buffer): void {
    this.#flush()
    const passOn = this.#passOn
    this.#detach()
    if (code !== copyDone) {
      const own = Buffer.alloc(header)
      own[0] = code
      own.writeUInt32BE(size + 4, 1)
      passOn?.(own)
    }
    if (rest.length > 0) passOn?.(rest)
  }

  #detach(): void {
    const { stream } = this.#connection ?? {}
    if (stream === undefined || this.#passOn === undefined) return
    stream.removeListener("data", this.#receive)
    stream.on("data", this.#passOn)
    this.#passOn = undefined
    this.#isPaused = true
    this.#resume()
  }
}

const torn = (): TrailError =>
  new TrailError("connection-lost", "the server sent another number of rows than it says", {
    hint: "nothing was kept of them; run it again",
  })
