// The TLS handshake on a connection that is there, and the judgement of the server's certificate. Loaded when a server has TLS.
import { isIP, type Socket } from "node:net"
import { checkServerIdentity, connect, type TLSSocket } from "node:tls"
import { TrailError } from "../errors.js"
import { certificateError, handshakeError } from "./certificate-errors.js"
import type { Certificates } from "./certificates.js"
import { nameOf, type Server, type Tls } from "./target.js"
import { event } from "./tls.js"

export async function secure(
  socket: Socket,
  server: Server,
  tls: Tls,
  certificates: Certificates,
): Promise<TLSSocket> {
  const stream = startTls(socket, server, tls, certificates)
  await event(stream, "secureConnect").catch((error: unknown) => {
    throw handshakeError(error, server)
  })
  stream.pause()
  if (certificates.ca !== undefined && !stream.authorized) throw refusal(stream, server, certificates)
  if (tls.negotiation === "direct" && stream.alpnProtocol !== "postgresql") {
    throw new TrailError("unreachable", `${nameOf(server)} does not know sslnegotiation=direct`, {
      hint: "leave out sslnegotiation: it needs PostgreSQL 17",
    })
  }
  return stream
}

function startTls(socket: Socket, server: Server, tls: Tls, certificates: Certificates): TLSSocket {
  try {
    return connect({
      socket,
      // Judged below, where there are words for it; nothing is sent before.
      rejectUnauthorized: false,
      checkServerIdentity: (_, certificate) =>
        tls.mode === "verify-full" ? checkServerIdentity(nameToVerify(server), certificate) : undefined,
      minVersion: tls.minVersion ?? "TLSv1.2",
      ...(tls.maxVersion === undefined ? {} : { maxVersion: tls.maxVersion }),
      ...(isIP(server.host) !== 0 || server.host === "" || tls.sni === false
        ? {}
        : { servername: server.host }),
      ...(tls.negotiation === "direct" ? { ALPNProtocols: ["postgresql"] } : {}),
      ...(certificates.ca === undefined ? {} : { ca: [...certificates.ca] }),
      ...(certificates.crl.length === 0 ? {} : { crl: [...certificates.crl] }),
      ...(certificates.cert === undefined ? {} : { cert: certificates.cert, key: certificates.key }),
      ...(certificates.passphrase === undefined ? {} : { passphrase: certificates.passphrase }),
    })
  } catch (error) {
    // A file that is no certificate or no key, or a key without its password.
    throw handshakeError(error, server)
  }
}

function refusal(secure: TLSSocket, server: Server, { caFrom = "" }: Certificates): TrailError {
  // Typed as an Error, and a code in truth.
  const code = String(secure.authorizationError)
  return certificateError(code, {
    server: nameOf(server),
    name: nameToVerify(server),
    caFrom,
    certificate: secure.getPeerCertificate(),
  })
}

function nameToVerify({ host, hostaddr }: Server): string {
  return host === "" ? (hostaddr ?? "") : host
}
