// A small connection pooler before the test server: it says hello with a number of its own, as PgBouncer does, and shares its backends.
import { createServer, type Socket } from "node:net"
import pg from "pg"

export interface Pooler {
  readonly url: string
  /** Connections that clients have made. */
  readonly clients: () => number
  close(): Promise<void>
}

interface Backend {
  readonly client: pg.Client
  readonly stream: Socket
  busyFor: Socket | undefined
}

/** In session mode a client keeps its backend until it goes; `size` backends at most, others wait. */
export async function startPooler(
  url: string,
  mode: "session" | "transaction",
  size: number,
): Promise<Pooler> {
  const backends: Backend[] = []
  const idle: Backend[] = []
  const waiting: ((backend: Backend) => void)[] = []
  const sockets = new Set<Socket>()
  let count = 0

  async function acquire(): Promise<Backend> {
    const free = idle.pop()
    if (free !== undefined) return free
    if (backends.length >= size) return new Promise((resolve) => waiting.push(resolve))
    const client = new pg.Client({ connectionString: url, application_name: "pooler" })
    const backend: Backend = { client, stream: streamOf(client), busyFor: undefined }
    backends.push(backend)
    client.on("error", () => undefined)
    await client.connect()
    // From here on its bytes are for those who are connected.
    backend.stream.removeAllListeners("data")
    let tail = Buffer.alloc(0)
    backend.stream.on("data", (chunk: Buffer) => {
      backend.busyFor?.write(chunk)
      tail = Buffer.concat([tail, chunk]).subarray(-6)
      // "Z", ready for query, and idle: the transaction is over.
      if (mode === "transaction" && tail.equals(ready)) release(backend)
    })
    return backend
  }

  function release(backend: Backend): void {
    backend.busyFor = undefined
    const next = waiting.shift()
    if (next === undefined) idle.push(backend)
    else next(backend)
  }

  const server = createServer((socket) => {
    let own: Promise<Backend> | undefined
    let isIn = false
    sockets.add(socket)
    socket.on("error", () => undefined)
    socket.once("close", () => {
      sockets.delete(socket)
      void own?.then((backend) => {
        if (backend.busyFor === socket) release(backend)
      })
    })
    socket.on("data", (chunk) => {
      if (!isIn) {
        if (chunk.readInt32BE(4) === 80877103) return socket.write("N")
        isIn = true
        count += 1
        return socket.write(hello(count))
      }
      if (chunk[0] === 0x58) return socket.end()
      const passOn = async () => {
        const backend = await own
        if (backend?.busyFor !== socket) own = acquire()
        const mine = await own
        if (mine === undefined) return
        mine.busyFor = socket
        mine.stream.write(chunk)
      }
      void passOn()
      return true
    })
  })
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done))
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  const { user, database } = new pg.Client({ connectionString: url })
  return {
    url: `postgresql://${user}@127.0.0.1:${port}/${database}`,
    clients: () => count,
    async close() {
      for (const socket of sockets) socket.destroy()
      for (const { stream } of backends) stream.destroy()
      await new Promise((done) => server.close(done))
    },
  }
}

const ready = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])

/** AuthenticationOk, BackendKeyData with a number that is nobody's, ReadyForQuery. */
function hello(count: number): Buffer {
  const key = Buffer.from([0x4b, 0, 0, 0, 12, 0x70, 0, 0, count % 256, 1, 2, 3, 4])
  return Buffer.concat([Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0]), key, ready])
}

function streamOf(client: pg.Client): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream
}
