// What a place needs that its name does not say: the database of this run, and the keys of S3 from the usual variables and files.
import { open } from "node:fs/promises"
import { homedir } from "node:os"
import { join } from "node:path"
import { TrailError } from "../data/errors.js"
import type { S3Settings, StoreContext } from "../data/store/store.js"
import type { Session } from "./session.js"

type Env = Readonly<Record<string, string | undefined>>
/** The settings of a profile, by their names. */
type Profile = ReadonlyMap<string, string>

/** Nothing is read before it is needed: who archives into a folder needs no keys. */
export function storeContext(session: Pick<Session, "target" | "io" | "warn">): StoreContext {
  return {
    target: () => session.target(),
    s3: () => s3Settings(session.io.env, (text) => session.warn(text)),
  }
}

/** Throws TrailError `config`, which names what is missing and never what is there. */
export async function s3Settings(env: Env, warn: (text: string) => void): Promise<S3Settings> {
  const given = (...names: string[]): string | undefined => names.map((name) => env[name]).find(Boolean)
  const named = given("AWS_PROFILE")
  const keys = keysOf(env)
  const home = given("HOME") ?? homedir()
  // A profile that was named comes before no variable, as with Amazon's own tools.
  const secrets =
    keys === undefined
      ? await profileIn(given("AWS_SHARED_CREDENTIALS_FILE") ?? join(home, ".aws/credentials"), named, true)
      : undefined
  const common = await profileIn(given("AWS_CONFIG_FILE") ?? join(home, ".aws/config"), named, false)
  const { accessKeyId, secretAccessKey, sessionToken } = keys ?? keysIn(secrets, named)
  const endpoint = given("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL") ?? common?.get("endpoint_url")
  const region =
    given("AWS_REGION", "AWS_DEFAULT_REGION") ??
    common?.get("region") ??
    secrets?.get("region") ??
    // Servers other than Amazon's mostly have one region, of this name.
    (endpoint === undefined ? refuse("the region of the bucket is not known", "set AWS_REGION") : "us-east-1")
  if (!/^[A-Za-z0-9-]{1,60}$/.test(region))
    refuse("AWS_REGION is no name of a region", "set it, as eu-central-1")
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    region,
    ...(endpoint === undefined ? {} : { endpoint: checkedEndpoint(endpoint, warn) }),
    ...addressingOf(given("PGTRAIL_S3_ADDRESSING")),
  }
}

interface Keys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string | undefined
}

function keysOf(env: Env): Keys | undefined {
  const { AWS_ACCESS_KEY_ID: id = "", AWS_SECRET_ACCESS_KEY: secret = "", AWS_SESSION_TOKEN: token } = env
  if (id === "" && secret === "") return undefined
  if (id === "" || secret === "") {
    const [there, missing] =
      id === "" ? ["SECRET_ACCESS_KEY", "ACCESS_KEY_ID"] : ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY"]
    refuse(`AWS_${there} is set, and AWS_${missing} is not`, `set AWS_${missing}`)
  }
  return { accessKeyId: id, secretAccessKey: secret, sessionToken: token || undefined }
}

function keysIn(profile: Profile | undefined, named: string | undefined): Keys {
  const accessKeyId = profile?.get("aws_access_key_id")
  const secretAccessKey = profile?.get("aws_secret_access_key")
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    const where = named === undefined ? "" : ` for the profile ${JSON.stringify(named.slice(0, 80))}`
    return refuse(
      `there are no keys of S3${where}: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set`,
      'set them, or have them in ~/.aws/credentials; other ways to log in: eval "$(aws configure export-credentials --format env)"',
    )
  }
  return { accessKeyId, secretAccessKey, sessionToken: profile?.get("aws_session_token") }
}

const largest = 1_048_576

/** Undefined where there is no such file, or nothing of that profile in it. */
async function profileIn(path: string, named = "default", isSecret: boolean): Promise<Profile | undefined> {
  const text = await textOf(path)
  const heads = isSecret || named === "default" ? [named] : [`profile ${named}`]
  let profile: Map<string, string> | undefined
  let isIn = false
  for (const line of text?.split(/\r?\n/) ?? []) {
    const [, head] = /^\s*\[\s*([^\]]*?)\s*\]/.exec(line) ?? []
    if (head !== undefined) {
      isIn = heads.includes(head.replace(/\s+/g, " "))
      if (isIn) profile ??= new Map()
      continue
    }
    const [, name = "", value = ""] = /^([A-Za-z_][\w.-]*)\s*=\s*(.*?)\s*$/.exec(line) ?? []
    if (isIn && value !== "") profile?.set(name.toLowerCase(), value)
  }
  return profile
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, "r")
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(largest), 0, largest)
      return buffer.toString("utf8", 0, bytesRead)
    } finally {
      await file.close()
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === "ENOENT" || code === "ENOTDIR") return undefined
    return refuse(`cannot read ${path}: ${code === "EACCES" ? "permission denied" : code}`, "see who owns it")
  }
}

function checkedEndpoint(endpoint: string, warn: (text: string) => void): string {
  const example = "write it as https://HOST or http://HOST:PORT"
  let url: URL
  try {
    url = new URL(endpoint)
  } catch {
    return refuse("AWS_ENDPOINT_URL_S3 is no URL", example)
  }
  if (!/^https?:$/.test(url.protocol)) refuse("AWS_ENDPOINT_URL_S3 is no URL of a web server", example)
  if (url.username !== "" || url.password !== "") refuse("AWS_ENDPOINT_URL_S3 has a user name in it", example)
  if (url.search !== "" || url.hash !== "")
    refuse("AWS_ENDPOINT_URL_S3 has more than a host and a path", example)
  if (url.protocol === "http:" && !/^(localhost|127\.[\d.]+|\[::1\])$/.test(url.hostname)) {
    warn(`requests to ${url.host} without TLS: what is stored can be read on the way, unless it is encrypted`)
  }
  return url.href
}

function addressingOf(value: string | undefined): Pick<S3Settings, "addressing"> {
  if (value === undefined) return {}
  if (value === "path" || value === "virtual") return { addressing: value }
  return refuse("PGTRAIL_S3_ADDRESSING is neither path nor virtual", "set it to one of them, or unset it")
}

function refuse(message: string, hint: string): never {
  throw new TrailError("config", message, { hint: `nothing was done; ${hint}` })
}
