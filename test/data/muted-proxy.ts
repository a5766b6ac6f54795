// Between a client and its server: cuts what goes through it, or lets nobody hear of the other any more.
import { type AddressInfo, connect, createServer, type Socket } from "node:net"

export interface MutedProxy {
  readonly url: string
  /** Cuts all connections. */
  cut(): void
  /** Takes what comes, and passes nothing on. */
  mute(): void
  heal(): void
  close(): Promise<void>
}

export async function proxyTo(url: string): Promise<MutedProxy> {
  const [, user = "", place = "", rest = ""] = /^postgres(?:ql)?:\/\/([^@/]*@)?([^/]*)(\/.*)$/.exec(url) ?? []
  const [path = "", query] = rest.split("?")
  const given = new URLSearchParams(query)
  const [name = "", port = given.get("port") ?? "5432"] = place.split(":")
  const host = given.get("host") ?? (name || "localhost")
  const sockets = new Set<Socket>()
  let isMute = false
  const server = createServer((near) => {
    const far = host.startsWith("/") ? connect(`${host}/.s.PGSQL.${port}`) : connect(Number(port), host)
    sockets.add(near)
    sockets.add(far)
    near.on("data", (bytes) => isMute || far.write(bytes))
    far.on("data", (bytes) => isMute || near.write(bytes))
    near.on("close", () => far.destroy())
    far.on("close", () => isMute || near.destroy())
    for (const one of [near, far]) one.on("error", () => undefined)
  })
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done))
  const { port: here } = server.address() as AddressInfo
  return {
    url: `postgresql://${user}127.0.0.1:${here}${path}?sslmode=disable`,
    cut() {
      for (const socket of sockets) socket.destroy()
      sockets.clear()
    },
    mute() {
      isMute = true
    },
    heal() {
      isMute = false
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((done) => server.close(done))
    },
  }
}
