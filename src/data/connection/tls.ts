// Connects to a server and asks it for TLS, as libpq does; node-postgres gets the finished stream.
import { connect, type Socket } from "node:net"
import { TrailError } from "../errors.js"
import type { Certificates } from "./certificates.js"
import { nameOf, type Server, type Tls } from "./target.js"

export interface Opened {
  readonly stream: Socket
  readonly secured: boolean
}

/** SSLRequest: its length, and the number that stands in the place of a protocol version. */
const request = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])

/** Connected, and with TLS unless the mode is `prefer` and the server has none. Throws TrailError, or what the network says. */
export async function openTls(server: Server, tls: Tls, milliseconds: number): Promise<Opened> {
  // What is missing for a promise is said before anybody is asked; `prefer` promises nothing, and most servers nearby have no TLS.
  const early = tls.mode === "prefer" ? undefined : await certificatesOf(tls)
  const { host, hostaddr, port } = server
  const socket = connect({ host: hostaddr ?? host, port, noDelay: true })
  const late = new Error("timeout expired")
  let isLate = false
  const expire = () => {
    isLate = true
    socket.destroy(late)
  }
  const timer = milliseconds === 0 ? undefined : setTimeout(expire, milliseconds)
  try {
    const opened = await negotiate(socket, server, tls, early)
    // It may come before node-postgres listens, which asks then. After an alert of the server the stream would stay half open for ever.
    opened.stream.on("error", () => socket.destroy())
    return opened
  } catch (error) {
    socket.destroy()
    throw isLate ? late : error
  } finally {
    clearTimeout(timer)
  }
}

async function negotiate(
  socket: Socket,
  server: Server,
  tls: Tls,
  early: Certificates | undefined,
): Promise<Opened> {
  await event(socket, "connect")
  if (tls.negotiation !== "direct") {
    socket.write(request)
    const [answer] = (await event(socket, "data")) as [Buffer]
    // Nothing more may lie behind the answer: it would be taken for what came through TLS.
    socket.pause()
    if (answer.length !== 1)
      throw new TrailError("unreachable", `${nameOf(server)} sent more than an answer before TLS`)
    if (answer[0] === 0x4e) {
      if (tls.mode === "prefer" || tls.mode === undefined) return { stream: socket, secured: false }
      throw new TrailError(
        "unreachable",
        `the server ${nameOf(server)} does not support TLS, and the connection asks for it`,
        {
          hint: "switch TLS on at the server (ssl = on); without it everything, passwords too, could be read on the way",
        },
      )
    }
    if (answer[0] !== 0x53)
      throw new TrailError("unreachable", `${nameOf(server)} does not answer like PostgreSQL`, {
        hint: "check host and port",
      })
  }
  const { secure } = await import("./handshake.js")
  const stream = await secure(socket, server, tls, early ?? (await certificatesOf(tls)))
  return { stream, secured: true }
}

async function certificatesOf(tls: Tls): Promise<Certificates> {
  const { readCertificates } = await import("./certificates.js")
  return readCertificates(tls)
}

/** The event's arguments, or the error that came instead; a peer that goes away is one. */
export function event(stream: Socket, name: string): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const done = (settle: () => void) => {
      stream.off(name, onEvent).off("error", onError).off("close", onClose)
      settle()
    }
    const onEvent = (...values: unknown[]) => done(() => resolve(values))
    const onError = (error: Error) => done(() => reject(error))
    const onClose = () => done(() => reject(new Error("Connection terminated unexpectedly")))
    stream.on(name, onEvent).on("error", onError).on("close", onClose)
  })
}
