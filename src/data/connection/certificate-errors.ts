// Words for what is wrong with a certificate or a handshake.
import type { PeerCertificate } from "node:tls"
import { type ErrorCode, TrailError } from "../errors.js"
import { nameOf, type Server } from "./target.js"

interface Facts {
  readonly server: string
  readonly name: string
  /** Where the trusted certificates were read. */
  readonly caFrom: string
  readonly certificate: PeerCertificate
}

const code: ErrorCode = "unreachable"

/** `reason` is OpenSSL's name for it, as Node tells it. */
export function certificateError(reason: string, { server, name, caFrom, certificate }: Facts): TrailError {
  const subject = `the certificate of ${server}`
  const say = (what: string, hint: string): TrailError => new TrailError(code, `${subject} ${what}`, { hint })
  switch (reason) {
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
      return say(
        `is self-signed, and not in ${caFrom}`,
        "if it is the right one, name a copy of it with sslrootcert=FILE",
      )
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
      return say(
        `is from a CA that is not in ${caFrom}`,
        "name the file with that CA's certificate with sslrootcert=FILE",
      )
    case "CERT_HAS_EXPIRED":
      return say(
        `has expired${certificate.valid_to === undefined ? "" : ` (${certificate.valid_to})`}`,
        "renew it on the server",
      )
    case "CERT_NOT_YET_VALID":
      return say(`is not yet valid (from ${certificate.valid_from})`, "check the clock of this machine")
    case "CERT_REVOKED":
      return say("was revoked", "do not connect before it is known why; the server needs a new one")
    case "UNABLE_TO_GET_CRL":
      return say(
        "cannot be looked up: no revocation list of its CA",
        "name it with sslcrl=FILE, or remove the list",
      )
    case "CRL_HAS_EXPIRED":
      return say("cannot be looked up: the revocation list has expired", "fetch a new one from the CA")
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return say(
        `is not for ${name}: it is for ${namesIn(certificate)}`,
        "connect by a name that it has, or use sslmode=verify-ca",
      )
    default:
      return say(
        `cannot be verified: ${reason.toLowerCase().replaceAll("_", " ")}`,
        "check sslrootcert and the server's certificate",
      )
  }
}

function namesIn({ subject, subjectaltname }: PeerCertificate): string {
  const names = subjectaltname?.split(/,\s*/).map((name) => name.replace(/^(DNS|IP Address):/, "")) ?? []
  return names.length > 0 ? names.join(", ") : String(subject?.CN ?? "no name")
}

/** What failed before there was TLS; errors of the network pass as they are. */
export function handshakeError(error: unknown, server: Server): unknown {
  if (error instanceof TrailError || !(error instanceof Error)) return error
  const { code: reason = "" } = error as { code?: string }
  if (!/^(ERR_SSL_|ERR_OSSL_|ERR_TLS_|EPROTO)/.test(reason)) return error
  return new TrailError(code, `no TLS with ${nameOf(server)}: ${plainReason(reason)}`, {
    hint: hintFor(reason),
    cause: error,
  })
}

export function plainReason(reason: string): string {
  return reason
    .replace(/^ERR_(SSL|OSSL|TLS)_/, "")
    .replace(/^(TLSV1|TLSV13|SSLV3|SSL)_/, "")
    .toLowerCase()
    .replaceAll("_", " ")
}

export function hintFor(reason: string): string {
  if (/VERSION|PROTOCOL/.test(reason))
    return "the server must speak TLS 1.2 or 1.3 (ssl_min_protocol_version, ssl_max_protocol_version)"
  if (/KEY_VALUES_MISMATCH|PEM|BAD_DECRYPT|PASSPHRASE|PASSWORD|ASN1/.test(reason))
    return "check sslcert, sslkey and sslpassword"
  if (/UNKNOWN_CA|CERTIFICATE/.test(reason))
    return "the server does not accept the client's certificate: check sslcert and sslkey"
  return "check sslmode, and the server's log"
}
