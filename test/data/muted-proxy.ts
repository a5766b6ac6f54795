// Between a client and its server: cuts what goes through it, or lets nobody hear of the other any more.
import { type AddressInfo, connect, createServer, type Socket } from "node:net"

export interface MutedProxy {
  readonly url: string
  /** Cuts all connections. */
  cut(): void
  /** Takes what comes, and passes nothing on. */
  mute(): void
  /** The same for each connection as soon as its login has come to its end. */
  muteAfterLogin(): void
  heal(): void
  close(): Promise<void>
}

/** The last word of a login; the server waits for a statement then. */
const readyForQuery = Buffer.from("Z\0\0\0\x05I")

export async function proxyTo(url: string): Promise<MutedProxy> {
  const [, user = "", place = "", rest = ""] = /^postgres(?:ql)?:\/\/([^@/]*@)?([^/]*)(\/.*)$/.exec(url) ?? []
  const [path = "", query] = rest.split("?")
  const given = new URLSearchParams(query)
  const [name = "", port = given.get("port") ?? "5432"] = place.split(":")
  const host = given.get("host") ?? (name || "localhost")
  const sockets = new Set<Socket>()
  let isMute = false
  let isMuteAfterLogin = false
  const server = createServer((near) => {
    const far = host.startsWith("/") ? connect(`${host}/.s.PGSQL.${port}`) : connect(Number(port), host)
    sockets.add(near)
    sockets.add(far)
    near.on("data", (bytes) => isMute || far.write(bytes))
    far.on("data", (bytes: Buffer) => {
      if (!isMute) near.write(bytes)
      isMute ||= isMuteAfterLogin && bytes.includes(readyForQuery)
    })
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
    muteAfterLogin() {
      isMuteAfterLogin = true
    },
    heal() {
      isMute = false
      isMuteAfterLogin = false
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((done) => server.close(done))
    },
  }
}
