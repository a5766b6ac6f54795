// Reads where a store is to be, as it was typed, and writes it the one way that acts record.
import { resolve } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { TrailError } from "../errors.js"

/** file:///PATH, s3://BUCKET/PREFIX or table:. Throws TrailError `usage`. */
export function readLocation(typed: string, cwd: string): string {
  if (typed === "table:") return typed
  if (/^table:./i.test(typed)) throw refusal("table: takes no name: it is the database that the log is in")
  const [, scheme] = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(typed) ?? []
  if (scheme === undefined) return folderOf(typed, cwd)
  switch (scheme.toLowerCase()) {
    case "s3":
      return bucketOf(typed)
    case "file":
      return folderOfUrl(typed)
    default:
      // It may have a password in it.
      throw refusal(`unknown kind of place: ${scheme}:`, `write ./${scheme}:... for a folder of that name`)
  }
}

/** The path of a location file:///PATH. */
export const pathOf = (location: string): string => fileURLToPath(location)

/** The two parts of a location s3://BUCKET/PREFIX; an empty prefix where there is none, else with a slash behind it. */
export function bucketAndPrefix(location: string): readonly [bucket: string, prefix: string] {
  const [, bucket = "", prefix = ""] = /^s3:\/\/([^/]+)(?:\/(.+))?$/.exec(location) ?? []
  return [bucket, prefix === "" ? "" : `${prefix}/`]
}

function folderOf(typed: string, cwd: string): string {
  if (typed.trim() === "") throw refusal("the name of the place is empty")
  if (hasControl(typed)) throw refusal("the name of the place has a control character in it")
  return pathToFileURL(resolve(cwd, typed)).href
}

function folderOfUrl(typed: string): string {
  try {
    const url = new URL(typed)
    if (!/^file:\/\/(localhost)?\//i.test(typed)) throw refusal("a place file: has three slashes and a path")
    if (url.search !== "" || url.hash !== "") throw refusal("a place file:///PATH has neither ? nor #")
    url.hostname = ""
    return folderOf(fileURLToPath(url), "/")
  } catch (error) {
    if (error instanceof TrailError) throw error
    throw refusal("the place file: cannot be read")
  }
}

const segment = /^[A-Za-z0-9._=+@:~-]+$/

function bucketOf(typed: string): string {
  const [, rest = ""] = /^s3:\/\/(.*)$/is.exec(typed) ?? []
  const [bucket = "", ...prefix] = rest.split("/")
  if (bucket.includes("@")) {
    throw refusal("keys do not belong into a place s3:", "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
  }
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$/.test(bucket) || bucket.includes("..")) {
    throw bucket === ""
      ? refusal("the place has no name of a bucket in it: s3://BUCKET/PREFIX")
      : refusal(
          `${JSON.stringify(bucket.slice(0, 80))} is no name of a bucket`,
          "it has 3 to 63 letters, digits, points, hyphens and underscores, and begins and ends with a letter or digit",
        )
  }
  // One slash at the end is how a folder is written.
  const segments = prefix.at(-1) === "" ? prefix.slice(0, -1) : prefix
  if (!segments.every((name) => segment.test(name) && name !== "." && name !== "..")) {
    throw refusal(
      `the prefix within the bucket ${bucket} cannot be used`,
      "its parts are of letters, digits and . _ = + @ : ~ -, with one slash between them",
    )
  }
  const location = ["s3:/", bucket, ...segments].join("/")
  return location.length > 700 ? refuse("the prefix within the bucket is too long") : location
}

const hasControl = (text: string): boolean =>
  [...text].some((character) => character < " " || character === "\u007f")

const refusal = (message: string, hint = "a place is a folder, s3://BUCKET/PREFIX or table:"): TrailError =>
  new TrailError("usage", message, { hint: `nothing was done; ${hint}` })

function refuse(message: string): never {
  throw refusal(message)
}
