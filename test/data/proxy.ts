// A proxy before the test server that loses connections when told to: before a statement arrives, or after it was answered.
import { createConnection, createServer, type Socket } from "node:net"
import { URL } from "node:url"

export interface LossyProxy {
  readonly url: string
  /** The next statement whose text contains this reaches the server, and its answer reaches nobody. */
  swallowAnswerTo(text: string): void
  /** From now on nobody is let through, until `up`. */
  down(): void
  up(): void
  close(): Promise<void>
}

/** `url` is the server's, over a Unix socket or TCP. */
export async function startProxy(url: string): Promise<LossyProxy> {
  const { target, rewrite } = read(url)
  let wanted: string | undefined
  let isDown = false
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    if (isDown) {
      client.destroy()
      return
    }
    const upstream = typeof target === "string" ? createConnection(target) : createConnection(target)
    let isDeaf = false
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on("error", () => undefined)
      socket.once("close", () => {
        sockets.delete(socket)
        client.destroy()
        upstream.end()
      })
    }
    client.on("data", (chunk) => {
      if (wanted !== undefined && chunk.includes(wanted)) {
        isDeaf = true
        wanted = undefined
      }
      upstream.write(chunk)
    })
    upstream.on("data", (chunk) => {
      if (!isDeaf) client.write(chunk)
      // "Z", ready for query: the statement is over.
      else if (chunk.includes("Z\0\0\0\x05")) client.destroy()
    })
  })
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done))
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("the proxy has no port")
  return {
    url: rewrite(address.port),
    swallowAnswerTo(text) {
      wanted = text
    },
    down() {
      isDown = true
      for (const socket of sockets) socket.destroy()
    },
    up() {
      isDown = false
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((done) => server.close(done))
    },
  }
}

type Target = string | { host: string; port: number }

function read(url: string): { target: Target; rewrite(port: number): string } {
  const parsed = new URL(url.replace(/^(postgres(?:ql)?:\/\/)([^/@]*@)?\//, "$1$2socket/"))
  const socket = parsed.searchParams.get("host")
  const port = Number(parsed.searchParams.get("port") ?? (parsed.port === "" ? 5432 : parsed.port))
  const target = socket?.startsWith("/") ? `${socket}/.s.PGSQL.${port}` : { host: parsed.hostname, port }
  return {
    target,
    rewrite(own) {
      const user = parsed.password === "" ? parsed.username : `${parsed.username}:${parsed.password}`
      return `postgresql://${user}@127.0.0.1:${own}${parsed.pathname}`
    },
  }
}
