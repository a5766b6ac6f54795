// Reads what TLS needs: the roots to trust, what was revoked, and the client's own certificate, from libpq's places.
import { constants } from "node:fs"
import { open, readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { TrailError } from "../errors.js"
import type { Tls } from "./target.js"

export interface Certificates {
  /** Undefined: the server's certificate is not verified. */
  readonly ca: readonly string[] | undefined
  /** Where they were read, for messages. */
  readonly caFrom: string | undefined
  readonly crl: readonly string[]
  readonly cert: string | undefined
  readonly key: string | undefined
  readonly passphrase: string | undefined
}

/** Node 20 does not know the system's own certificates; these are the files of Debian, Red Hat, SUSE, and Alpine, macOS and the BSDs. */
const systemFiles = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
]

export async function readCertificates(tls: Tls): Promise<Certificates> {
  const { ca, caFrom } = await roots(tls)
  const crl = ca === undefined ? [] : await revoked(tls)
  return { ca, caFrom, crl, ...(await own(tls)), passphrase: tls.keyPassword }
}

async function roots(tls: Tls): Promise<{ ca: readonly string[] | undefined; caFrom: string | undefined }> {
  if (tls.rootCert === "system") {
    for (const file of systemFiles) {
      const text = await readIfThere(file)
      if (text !== undefined) return { ca: [text], caFrom: "the system's certificates" }
    }
    throw new TrailError("config", "the system's certificates are not where they usually are", {
      hint: "export SSL_CERT_FILE=FILE, or name the file with sslrootcert=FILE",
    })
  }
  if (tls.rootCert !== undefined)
    return { ca: [await readNamed(tls.rootCert, "root certificate")], caFrom: tls.rootCert }
  const usual = tls.home === undefined ? undefined : join(tls.home, "root.crt")
  const text = usual === undefined ? undefined : await readIfThere(usual)
  if (text !== undefined) return { ca: [text], caFrom: usual }
  if (tls.mode === "verify-ca" || tls.mode === "verify-full") {
    const missing = usual === undefined ? "" : `: there is no ${usual}`
    throw new TrailError("config", `sslmode=${tls.mode} needs the certificate of the CA${missing}`, {
      hint: "name it with sslrootcert=FILE, or take the system's with sslrootcert=system",
    })
  }
  return { ca: undefined, caFrom: undefined }
}

async function revoked(tls: Tls): Promise<string[]> {
  if (tls.crl !== undefined) return [await readNamed(tls.crl, "revocation list")]
  if (tls.crlDir !== undefined) {
    const dir = tls.crlDir
    const names = await readdir(dir).catch((cause: unknown) => cannotRead("revocation lists", dir, cause))
    return Promise.all(names.sort().map((name) => readNamed(join(dir, name), "revocation list")))
  }
  const usual = tls.home === undefined ? undefined : await readIfThere(join(tls.home, "root.crl"))
  return usual === undefined ? [] : [usual]
}

/** The client's certificate and its key; none where there is none. */
async function own(tls: Tls): Promise<{ cert: string | undefined; key: string | undefined }> {
  const none = { cert: undefined, key: undefined }
  if (tls.withoutCert) return none
  const usual = (name: string): string | undefined =>
    tls.home === undefined ? undefined : join(tls.home, name)
  const certFile = tls.cert ?? usual("postgresql.crt")
  if (certFile === undefined) return none
  const cert =
    tls.cert === undefined ? await readIfThere(certFile) : await readNamed(certFile, "client certificate")
  if (cert === undefined) return none
  const keyFile = tls.key ?? usual("postgresql.key")
  if (keyFile === undefined) {
    throw new TrailError("config", `the client certificate ${certFile} has no key`, {
      hint: "name it with sslkey=FILE",
    })
  }
  return { cert, key: await readKey(keyFile) }
}

/** Nobody else may read it; one that belongs to root may be shared with a group. */
async function readKey(file: string): Promise<string> {
  const handle = await open(file, constants.O_RDONLY).catch((cause: unknown) =>
    cannotRead("client key", file, cause),
  )
  try {
    const { uid, mode } = await handle.stat()
    if ((mode & (uid === 0 ? 0o037 : 0o077)) !== 0) {
      throw new TrailError("config", `the client key ${file} can be read by others`, {
        hint: `chmod 600 ${file}`,
      })
    }
    return await handle.readFile("utf8")
  } finally {
    await handle.close()
  }
}

async function readNamed(file: string, what: string): Promise<string> {
  return readFile(file, "utf8").catch((cause: unknown) => cannotRead(what, file, cause))
}

async function readIfThere(file: string): Promise<string | undefined> {
  return readFile(file, "utf8").catch((cause: unknown) => {
    const code = cause instanceof Error && "code" in cause ? cause.code : ""
    if (code === "ENOENT" || code === "ENOTDIR") return undefined
    return cannotRead("certificate", file, cause)
  })
}

function cannotRead(what: string, file: string, cause: unknown): never {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)
  const words: Readonly<Record<string, string>> = {
    ENOENT: "no such file",
    EACCES: "permission denied",
    EISDIR: "it is a folder",
  }
  throw new TrailError("config", `cannot read the ${what} ${file}: ${words[code] ?? code}`, {
    hint: "check sslrootcert, sslcert, sslkey and sslcrl, or the variables PGSSLROOTCERT, PGSSLCERT, PGSSLKEY and PGSSLCRL",
    cause,
  })
}
