// The functions of a version as its SQL says them, to be compared with those of a log.
import { sha256Hex, type Version } from "../sql-files.js"

export interface ShippedFunction {
  readonly body: string
  /** sha256 of the body, hex: by it functions are compared, so that the server need not send half a megabyte. */
  readonly hash: string
  /** As the catalog has it, for comparison: a body does something else with another search_path, or as another role. */
  readonly attributes: string
}

/** What stands between the $$ of each function, which is what the server stores; by name. */
export function shippedBodies(version: Version): Map<string, string> {
  return new Map([...shippedFunctions(version)].map(([name, { body }]) => [name, body]))
}

const read = new WeakMap<Version, ReadonlyMap<string, ShippedFunction>>()

/** By name. A version ships with the package: its text is read once. */
export function shippedFunctions(version: Version): ReadonlyMap<string, ShippedFunction> {
  const functions = read.get(version) ?? readFunctions(version)
  read.set(version, functions)
  return functions
}

function readFunctions({ code }: Version): ReadonlyMap<string, ShippedFunction> {
  const functions = code.matchAll(
    /^create or replace function pgtrail\.(\w+)\(([\s\S]*?)\nas \$\$([\s\S]*?)\$\$;$/gm,
  )
  return new Map(
    [...functions].map(([, name = "", head = "", body = ""]) => [
      name,
      { body, hash: sha256Hex(body), attributes: attributesOf(head) },
    ]),
  )
}

/** Names that the server stores as it spells them itself. */
const spelled: Readonly<Record<string, string>> = { timezone: "TimeZone", datestyle: "DateStyle" }

function attributesOf(head: string): string {
  const language = /^language (\w+)|\) language (\w+)/m.exec(head)
  const settings = [...head.matchAll(/^set (\w+) = (.+)$/gm)].map(
    ([, name = "", value = ""]) => `${spelled[name] ?? name}=${value.replace(/^'(.*)'$/, "$1")}`,
  )
  const definer = /\bsecurity definer\b/.test(head) ? "t" : "f"
  return `language ${language?.[1] ?? language?.[2]}, security definer ${definer}, settings ${settings.length === 0 ? "-" : settings.sort().join("; ")}`
}

/** Of a function p what `hash` is. */
export const hashSql = "encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex')"

/** Of a function p in a language l what `attributes` is. */
export const attributesSql = `format('language %s, security definer %s, settings %s', l.lanname, p.prosecdef,
  coalesce((select string_agg(s, '; ' order by s collate "C") from unnest(p.proconfig) s), '-'))`
